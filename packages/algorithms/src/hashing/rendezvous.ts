import { hashInteger } from './hash.js'
import { type KeyPlacement, sameIds, sizeFor } from './key-placement.js'

/** Weight of a backend for a key, a number that is another for every pair of both. @param hash - the key's, 32 bits */
export function rendezvousWeight(hash: number, backend: number): number {
  return hashInteger(hash, backend + 1)
}

/**
 * Rendezvous hashing: every backend has a weight for every key, and the order is by falling weight. When
 * one of n backends goes, only its own keys move, and they spread evenly over the rest.
 *
 * `first` and `next` are O(backends).
 *
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions
 * on Networking 6(1), 1998.
 */
export class Rendezvous implements KeyPlacement {
  private members: number[] = []
  /** Of each backend for the key of this order, by id; -1 once it has been met. */
  private weights = new Float64Array(0)

  setMembers(ids: ArrayLike<number>): void {
    if (sameIds(ids, this.members)) return
    this.members = Array.from(ids)
    this.weights = new Float64Array(sizeFor(ids)).fill(-1)
  }

  first(hash: number): number {
    for (let i = 0; i < this.members.length; i++) {
      const id = this.members[i]!
      this.weights[id] = rendezvousWeight(hash, id)
    }
    return this.next()
  }

  next(): number {
    let best = -1
    let most = -1
    for (let i = 0; i < this.members.length; i++) {
      const id = this.members[i]!
      const weight = this.weights[id]!
      if (weight > most) {
        most = weight
        best = id
      }
    }
    if (best !== -1) this.weights[best] = -1
    return best
  }
}
