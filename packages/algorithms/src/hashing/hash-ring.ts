import { hashInteger } from './hash.js'
import { type KeyPlacement, MetBackends, sameIds, sizeFor } from './key-placement.js'

/**
 * Consistent hashing on a ring of 2^32 points, with several points per backend. A key belongs to the
 * first point clockwise. When one of n backends goes, only its own keys move, 1/n of all on average.
 *
 * `first` and `next` are O(1) on average, `setMembers` O(points log points) when they change.
 *
 * Source: Karger et al., "Consistent hashing and random trees", STOC 1997.
 */
export class HashRing implements KeyPlacement {
  private readonly pointsPerBackend: number
  private members: number[] = []
  private points = new Uint32Array(0)
  private owners = new Int32Array(0)
  /** By the leading bits of a hash: the first point that is not before all hashes that begin so. */
  private starts = new Int32Array(2)
  private shift = 31
  private readonly met = new MetBackends()
  private size = 0
  private at = 0
  private left = 0

  /** @param pointsPerBackend - virtual nodes: more of them spread keys more evenly */
  constructor(pointsPerBackend: number) {
    this.pointsPerBackend = pointsPerBackend
  }

  setMembers(ids: ArrayLike<number>): void {
    if (sameIds(ids, this.members)) return
    this.members = Array.from(ids)
    this.size = sizeFor(ids)
    const points: { readonly point: number; readonly owner: number }[] = []
    for (const owner of this.members) {
      for (let i = 0; i < this.pointsPerBackend; i++) {
        // Hashed twice, or keys that are small integers would meet the points of one backend.
        points.push({ point: hashInteger(hashInteger(owner, 0x51ed) ^ i, 0x7a), owner })
      }
    }
    points.sort((a, b) => a.point - b.point || a.owner - b.owner)
    this.points = Uint32Array.from(points, ({ point }) => point)
    this.owners = Int32Array.from(points, ({ owner }) => owner)
    this.index()
  }

  /** The first backend of a key that is an integer: its hash, half the time too large for a small one, stays here. */
  firstOf(key: number, seed: number): number {
    return this.first(hashInteger(key, seed))
  }

  first(hash: number): number {
    const { points } = this
    let at = this.starts[hash >>> this.shift]!
    while (at < points.length && points[at]! < hash) at++
    this.at = at
    this.left = points.length
    this.met.clear(this.size)
    return this.next()
  }

  next(): number {
    while (this.left > 0) {
      this.left--
      if (this.at >= this.owners.length) this.at = 0
      const owner = this.owners[this.at++]!
      if (this.met.add(owner)) return owner
    }
    return -1
  }

  /** About as many beginnings as points, so that few points share one. */
  private index(): void {
    const { points } = this
    const bits = Math.max(1, Math.ceil(Math.log2(points.length)))
    this.shift = 32 - bits
    this.starts = new Int32Array(2 ** bits)
    let at = 0
    for (let i = 0; i < this.starts.length; i++) {
      while (at < points.length && points[at]! >>> this.shift < i) at++
      this.starts[i] = at
    }
  }
}
