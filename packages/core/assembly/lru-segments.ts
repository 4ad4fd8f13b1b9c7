import { Ints, Pool, takeInts, takePool } from './memory'
import { Extent } from './prefix-index'

/** Blocks [from, to) of an extent, which were let go together and can be evicted. */
@unmanaged
class Segment {
  /** null for blocks that nobody will ask for again. */
  extent: Extent | null
  from: i32
  to: i32
  /** Neighbours in the order of use. */
  older: Segment
  newer: Segment
  /** Neighbours in the same extent. */
  shallower: Segment | null
  deeper: Segment | null
}

let segments: Pool = changetype<Pool>(0)
/** By backend a record that closes its list to a ring. */
let rings: Ints = changetype<Ints>(0)
/** Evictable blocks by backend, and those of them that belong to no extent. */
export let evictable: Ints = changetype<Ints>(0)
export let nameless: Ints = changetype<Ints>(0)
/** What the last eviction took from, and whether it left that without evictable blocks. */
export let evictedFrom: Extent | null = null
export let isExhausted: bool = false

export function beginSegments(backends: i32): void {
  segments = takePool(offsetof<Segment>())
  rings = takeInts(backends)
  evictable = takeInts(backends)
  nameless = takeInts(backends)
  for (let i = 0; i < backends; i++) {
    const ring = changetype<Segment>(segments.take())
    ring.older = ring
    ring.newer = ring
    rings[i] = <i32>changetype<usize>(ring)
  }
}

function ringOf(backend: i32): Segment {
  return changetype<Segment>(<usize>rings[backend])
}

/**
 * Adds blocks `from` to `to` of an extent as the most recently used.
 * @param deeper - the extent's shallowest run so far
 * @returns the new shallowest run
 */
export function append(
  backend: i32,
  extent: Extent | null,
  from: i32,
  to: i32,
  deeper: usize,
): usize {
  const s = changetype<Segment>(segments.take())
  const ring = ringOf(backend)
  const newest = ring.older
  const below = changetype<Segment | null>(deeper)
  s.extent = extent
  s.from = from
  s.to = to
  s.older = newest
  s.newer = ring
  newest.newer = s
  ring.older = s
  s.shallower = null
  s.deeper = below
  if (below !== null) below.shallower = s
  evictable[backend] = evictable[backend] + (to - from)
  return changetype<usize>(s)
}

/** Adds blocks that belong to no extent as the most recently used; those of a row are one run. */
export function appendNameless(backend: i32, count: i32): void {
  const ring = ringOf(backend)
  const newest = ring.older
  nameless[backend] = nameless[backend] + count
  if (newest === ring || newest.extent !== null) {
    append(backend, null, 0, count, 0)
    return
  }
  newest.to += count
  evictable[backend] = evictable[backend] + count
}

/** Takes the blocks of an extent before `depth` out, given its shallowest run. @returns the shallowest that is left, 0 for none */
export function removeUpTo(backend: i32, shallowest: usize, depth: i32): usize {
  let s = changetype<Segment | null>(shallowest)
  while (s !== null && s.to <= depth) {
    const deeper = s.deeper
    evictable[backend] = evictable[backend] - (s.to - s.from)
    unlink(s)
    s = deeper
  }
  if (s === null) return 0
  s.shallower = null
  if (s.from < depth) {
    evictable[backend] = evictable[backend] - (depth - s.from)
    s.from = depth
  }
  return changetype<usize>(s)
}

/** Evicts at most `most` blocks of the oldest run, the deepest first. @returns how many */
export function evictOldest(backend: i32, most: i32): i32 {
  const s = ringOf(backend).newer
  const count = min(most, s.to - s.from)
  evictable[backend] = evictable[backend] - count
  evictedFrom = s.extent
  if (evictedFrom === null) nameless[backend] = nameless[backend] - count
  isExhausted = false
  s.to -= count
  if (s.to === s.from) {
    const shallower = s.shallower
    if (shallower === null) isExhausted = true
    else shallower.deeper = null
    unlink(s)
  }
  return count
}

/** Where the runs from `shallowest` on end if they follow `start` without a gap; -1 if there is one. */
export function endOfSegments(shallowest: usize, start: i32): i32 {
  let depth = start
  let s = changetype<Segment | null>(shallowest)
  while (s !== null) {
    if (s.from !== depth) return -1
    depth = s.to
    s = s.deeper
  }
  return depth
}

function unlink(s: Segment): void {
  s.older.newer = s.newer
  s.newer.older = s.older
  segments.give(changetype<usize>(s))
}
