import { hashInteger } from './hash.js'
import { type KeyPlacement, MetBackends, sameIds, sizeFor } from './key-placement.js'

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
  private readonly met = new MetBackends()
  private weights = new Float64Array(0)
  private size = 0
  private left = 0

  setMembers(ids: ArrayLike<number>): void {
    if (sameIds(ids, this.members)) return
    this.members = Array.from(ids)
    this.size = sizeFor(ids)
    this.weights = new Float64Array(this.size)
  }

  first(hash: number): number {
    for (let i = 0; i < this.members.length; i++) {
      const id = this.members[i]!
      this.weights[id] = hashInteger(hash, id + 1)
    }
    this.met.clear(this.size)
    this.left = this.members.length
    return this.next()
  }

  next(): number {
    if (this.left === 0) return -1
    this.left--
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
    this.met.add(best)
    this.weights[best] = -1
    return best
  }
}
