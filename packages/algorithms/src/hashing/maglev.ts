import { RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import { hashInteger } from './hash.js'
import { type KeyPlacement, MetBackends, sameIds, sizeFor } from './key-placement.js'

/**
 * Maglev hashing: a table of prime length that backends fill in turn, each by a permutation of its own,
 * so that shares differ by one entry at most. When one of n backends goes, its keys move and a few others.
 *
 * `first` is O(1), `next` O(1) on average, `setMembers` O(table log table) on average when they change.
 *
 * Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer", NSDI 2016.
 */
export class Maglev implements KeyPlacement {
  private readonly table: Int32Array
  private members: number[] = []
  private readonly met = new MetBackends()
  private size = 0
  private at = 0
  private left = 0

  /**
   * @param tableSize - a prime, well above the number of backends; Envoy has 65537
   * @throws RouteSimError `parameter_invalid` when it is no prime
   */
  constructor(tableSize: number) {
    if (!isPrime(tableSize)) {
      throw new RouteSimError<AlgorithmsErrorCode>(
        `maglev table: expected a prime number of entries, got ${tableSize}`,
        { code: 'parameter_invalid', hint: 'Use 65537.' },
      )
    }
    this.table = new Int32Array(tableSize).fill(-1)
  }

  setMembers(ids: ArrayLike<number>): void {
    if (sameIds(ids, this.members)) return
    this.members = Array.from(ids)
    this.size = sizeFor(ids)
    this.fill()
  }

  first(hash: number): number {
    this.at = hash % this.table.length
    this.left = this.members.length === 0 ? 0 : this.table.length
    this.met.clear(this.size)
    return this.next()
  }

  next(): number {
    while (this.left > 0) {
      this.left--
      const owner = this.table[this.at++]!
      if (this.at === this.table.length) this.at = 0
      if (this.met.add(owner)) return owner
    }
    return -1
  }

  private fill(): void {
    const { table, members } = this
    const length = table.length
    table.fill(-1)
    if (members.length === 0) return
    const skips = members.map((id) => (hashInteger(id, 2) % (length - 1)) + 1)
    const entries = members.map((id) => hashInteger(id, 1) % length)
    for (let filled = 0; ; ) {
      for (let m = 0; m < members.length; m++) {
        let entry = entries[m]!
        while (table[entry] !== -1) entry = (entry + skips[m]!) % length
        table[entry] = members[m]!
        entries[m] = entry
        if (++filled === length) return
      }
    }
  }
}

function isPrime(n: number): boolean {
  if (!Number.isInteger(n) || n < 2) return false
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return true
}
