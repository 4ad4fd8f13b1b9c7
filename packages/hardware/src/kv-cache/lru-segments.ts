import { RecordPool } from './record-pool.js'

const NONE = -1

const EXTENT = 0
/** Blocks [FROM, TO) of the extent. */
const FROM = 1
const TO = 2
/** Neighbours in the order of use. */
const OLDER = 3
const NEWER = 4
/** Neighbours in the same extent. */
const SHALLOWER = 5
const DEEPER = 6
const FIELDS = 8

/**
 * The evictable blocks of every backend in order of use, as runs that were released together. Within
 * an extent the deeper run is the older one, and within a run the deepest block goes first.
 */
export class LruSegments {
  /** Evictable blocks per backend. */
  readonly blocks: Int32Array
  /** Those of them that belong to no extent: nobody will ask for them again. */
  readonly nameless: Int32Array
  /** What the last eviction took from, -1 for nameless blocks, and whether it left the extent without evictable blocks. */
  evictedFrom: number = NONE
  isExhausted: boolean = false
  private readonly segments: RecordPool
  /** Per backend a record that closes its list to a ring. */
  private readonly rings: Int32Array

  constructor(backends: number) {
    this.blocks = new Int32Array(backends)
    this.nameless = new Int32Array(backends)
    this.segments = new RecordPool(FIELDS, backends + 64)
    this.rings = new Int32Array(backends)
    for (let i = 0; i < backends; i++) {
      const ring = this.segments.take()
      this.rings[i] = ring
      this.segments.data[ring + OLDER] = ring
      this.segments.data[ring + NEWER] = ring
    }
  }

  /**
   * Adds blocks `from` to `to` of an extent as the most recently used.
   * @param deeper - the extent's shallowest segment so far, -1 for none
   * @returns the new shallowest segment
   */
  append(backend: number, extent: number, from: number, to: number, deeper: number): number {
    const s = this.segments.take()
    const x = this.segments.data
    const ring = this.rings[backend]!
    const newest = x[ring + OLDER]!
    x[s + EXTENT] = extent
    x[s + FROM] = from
    x[s + TO] = to
    x[s + OLDER] = newest
    x[s + NEWER] = ring
    x[newest + NEWER] = s
    x[ring + OLDER] = s
    x[s + SHALLOWER] = NONE
    x[s + DEEPER] = deeper
    if (deeper !== NONE) x[deeper + SHALLOWER] = s
    this.blocks[backend] = this.blocks[backend]! + to - from
    return s
  }

  /** Adds blocks that belong to no extent as the most recently used; those of a row are one run. */
  appendNameless(backend: number, count: number): void {
    const x = this.segments.data
    const newest = x[this.rings[backend]! + OLDER]!
    this.nameless[backend] = this.nameless[backend]! + count
    if (newest === this.rings[backend] || x[newest + EXTENT] !== NONE) {
      this.append(backend, NONE, 0, count, NONE)
      return
    }
    x[newest + TO] = x[newest + TO]! + count
    this.blocks[backend] = this.blocks[backend]! + count
  }

  /**
   * Takes the blocks of an extent before `depth` out, given its shallowest segment.
   * @returns the shallowest segment that is left, -1 for none
   */
  removeUpTo(backend: number, shallowest: number, depth: number): number {
    const x = this.segments.data
    let s = shallowest
    while (s !== NONE && x[s + TO]! <= depth) {
      const deeper = x[s + DEEPER]!
      this.blocks[backend] = this.blocks[backend]! - (x[s + TO]! - x[s + FROM]!)
      this.unlink(s)
      s = deeper
    }
    if (s === NONE) return NONE
    x[s + SHALLOWER] = NONE
    if (x[s + FROM]! < depth) {
      this.blocks[backend] = this.blocks[backend]! - (depth - x[s + FROM]!)
      x[s + FROM] = depth
    }
    return s
  }

  /** Evicts at most `most` blocks of the oldest run. @returns how many */
  evictOldest(backend: number, most: number): number {
    const x = this.segments.data
    const s = x[this.rings[backend]! + NEWER]!
    const count = Math.min(most, x[s + TO]! - x[s + FROM]!)
    this.blocks[backend] = this.blocks[backend]! - count
    this.evictedFrom = x[s + EXTENT]!
    if (this.evictedFrom === NONE) this.nameless[backend] = this.nameless[backend]! - count
    this.isExhausted = false
    x[s + TO] = x[s + TO]! - count
    if (x[s + TO] === x[s + FROM]) {
      const shallower = x[s + SHALLOWER]!
      if (shallower === NONE) this.isExhausted = true
      else x[shallower + DEEPER] = NONE
      this.unlink(s)
    }
    return count
  }

  /** Where the runs from `shallowest` on end if they follow `start` without a gap; -1 if there is one. */
  end(shallowest: number, start: number): number {
    const x = this.segments.data
    let depth = start
    for (let s = shallowest; s !== NONE; s = x[s + DEEPER]!) {
      if (x[s + FROM] !== depth) return NONE
      depth = x[s + TO]!
    }
    return depth
  }

  private unlink(s: number): void {
    const x = this.segments.data
    const older = x[s + OLDER]!
    const newer = x[s + NEWER]!
    x[older + NEWER] = newer
    x[newer + OLDER] = older
    this.segments.give(s)
  }
}
