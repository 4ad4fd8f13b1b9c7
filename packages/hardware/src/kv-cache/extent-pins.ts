import { AT, HELD_EXTENT, type Holdings, PINS } from './holdings.js'
import type { LruSegments } from './lru-segments.js'
import {
  BACKEND,
  END,
  FULL,
  PARENT,
  PARTIAL,
  PINNED,
  type PrefixIndex,
  RESIDENT,
  SEGMENT,
  START,
} from './prefix-index.js'

const NONE = -1

/** Which blocks of the extents are in use by running requests: the others can be evicted. */
export class ExtentPins {
  private readonly index: PrefixIndex
  private readonly holdings: Holdings
  private readonly lru: LruSegments
  private readonly freeBlocks: Int32Array
  /** Per backend: holdings whose last pinned extent is pinned in part. */
  private readonly partials: readonly number[][]

  constructor(index: PrefixIndex, holdings: Holdings, lru: LruSegments, freeBlocks: Int32Array) {
    this.index = index
    this.holdings = holdings
    this.lru = lru
    this.freeBlocks = freeBlocks
    this.partials = Array.from(freeBlocks, () => [])
  }

  /** Makes blocks `from` to `top` of an extent pinned, and resident if they were just computed. */
  fill(e: number, from: number, top: number, isComputed: boolean): void {
    const x = this.index.extents.data
    if (isComputed) {
      const backend = x[e + BACKEND]!
      const duplicates = Math.min(x[e + RESIDENT]!, top) - from
      if (duplicates > 0) this.freeBlocks[backend] = this.freeBlocks[backend]! + duplicates
      if (top > x[e + RESIDENT]!) this.index.setResident(e, top)
    }
    if (top <= x[e + PINNED]!) return
    x[e + PINNED] = top
    x[e + SEGMENT] = this.lru.removeUpTo(x[e + BACKEND]!, x[e + SEGMENT]!, top)
  }

  /** Moves the end of a holding's pins to block `top` of an extent of the tree. */
  movePin(h: number, e: number, top: number): void {
    const x = this.index.extents.data
    const holding = this.holdings.pool.data
    const partials = this.partials[holding[h + AT]!]!
    if (holding[h + HELD_EXTENT] === e) {
      x[e + PARTIAL] = x[e + PARTIAL]! - 1
      partials.splice(partials.indexOf(h), 1)
    }
    holding[h + HELD_EXTENT] = e
    holding[h + PINS] = top
    if (top === x[e + END]) {
      x[e + FULL] = x[e + FULL]! + 1
    } else {
      x[e + PARTIAL] = x[e + PARTIAL]! + 1
      partials.push(h)
    }
  }

  /** Lets go of the pins of a holding on the extents of the tree, deepest first. */
  unpinPath(h: number): void {
    const x = this.index.extents.data
    const holding = this.holdings.pool.data
    const pins = holding[h + PINS]!
    let e = holding[h + HELD_EXTENT]!
    if (e !== NONE && pins < x[e + END]!) {
      const partials = this.partials[holding[h + AT]!]!
      partials.splice(partials.indexOf(h), 1)
      x[e + PARTIAL] = x[e + PARTIAL]! - 1
      this.unpin(e, this.stillPinned(e))
      e = x[e + PARENT]!
    }
    for (; e !== NONE; e = x[e + PARENT]!) {
      x[e + FULL] = x[e + FULL]! - 1
      if (x[e + FULL] === 0) this.unpin(e, this.stillPinned(e))
    }
  }

  /** How far the remaining holdings pin an extent. */
  private stillPinned(e: number): number {
    const x = this.index.extents.data
    if (x[e + FULL]! > 0) return x[e + END]!
    let depth = x[e + START]!
    if (x[e + PARTIAL]! > 0) {
      const holding = this.holdings.pool.data
      for (const h of this.partials[x[e + BACKEND]!]!) {
        if (holding[h + HELD_EXTENT] === e) depth = Math.max(depth, holding[h + PINS]!)
      }
    }
    return depth
  }

  /** Makes the blocks of an extent from `depth` on evictable, as the most recently used. */
  unpin(e: number, depth: number): void {
    const x = this.index.extents.data
    const pinned = x[e + PINNED]!
    if (depth >= pinned) return
    x[e + PINNED] = depth
    x[e + SEGMENT] = this.lru.append(x[e + BACKEND]!, e, depth, pinned, x[e + SEGMENT]!)
  }
}
