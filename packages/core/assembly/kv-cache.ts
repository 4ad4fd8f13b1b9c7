import {
  append,
  appendNameless,
  beginSegments,
  evictable,
  evictedFrom,
  evictOldest,
  isExhausted,
  nameless,
  removeUpTo,
} from './lru-segments'
import { Floats, Ints, listAt, Pool, takeFloats, takeInts, takeLists, takePool } from './memory'
import {
  add,
  addOwn,
  addUp,
  deepest,
  drop,
  Extent,
  find,
  findOwn,
  holdersOf,
  pathAt,
  pathBlocks,
  setPath,
  setResident,
} from './prefix-index'

/*
 * KV caches of all backends, as `radixKvCache` of @routesim/hardware describes them: what a backend holds of a
 * node of the tree of prompts is one extent, a pinned part followed by runs that can be evicted.
 */

/** What one running request holds on one backend. */
@unmanaged
class Holding {
  request: i32
  backend: i32
  /** Deepest extent of the tree that it pins, and the extent of its own blocks. */
  held: Extent | null
  own: Extent | null
  /** Leading blocks that are computed and pinned, and blocks in all. */
  pins: i32
  blocks: i32
  /** Blocks on the path of the prompt; the rest is the request's own. */
  pathEnd: i32
  /** Where it stands among those of its backend whose last pinned extent is pinned in part. */
  partialAt: i32
  next: Holding | null
}

let requests: i32
let backends: i32
let sharesPrefixes: bool
let blockTokensOf: Ints = changetype<Ints>(0)
let blocksOf: Ints = changetype<Ints>(0)
export let freeBlocks: Ints = changetype<Ints>(0)
export let evictions: Floats = changetype<Floats>(0)
let heads: Ints = changetype<Ints>(0)
let holdings: Pool = changetype<Pool>(0)
let partials: usize

export function beginCache(backendCount: i32, requestCount: i32, isCaching: bool): void {
  backends = backendCount
  requests = requestCount
  sharesPrefixes = isCaching
  blockTokensOf = takeInts(backends)
  blocksOf = takeInts(backends)
  freeBlocks = takeInts(backends)
  evictions = takeFloats(backends)
  heads = takeInts(requests)
  holdings = takePool(offsetof<Holding>())
  partials = takeLists(backends)
  beginSegments(backends)
}

export function setCapacity(backend: i32, blocks: i32, blockTokens: i32): void {
  blockTokensOf[backend] = blockTokens
  blocksOf[backend] = blocks
  freeBlocks[backend] = blocks
}

export function available(backend: i32): i32 {
  return freeBlocks[backend] + evictable[backend]
}

function blocksFor(tokens: i32, blockTokens: i32): i32 {
  return (tokens + blockTokens - 1) / blockTokens
}

/** How many of the first `tokens` tokens of a request a backend holds, floored to blocks. */
export function matchOn(backend: i32, request: i32, tokens: i32): i32 {
  if (!sharesPrefixes) return 0
  const e = deepest(backend, request)
  if (e === null) return 0
  const blockTokens = blockTokensOf[backend]
  return min(e.resident, tokens / blockTokens) * blockTokens
}

/** Starts holding blocks for a request. @returns false, with nothing changed, when they are not there */
export function admitBlocks(backend: i32, request: i32, cachedTokens: i32, tokens: i32): bool {
  const blockTokens = blockTokensOf[backend]
  const cached = cachedTokens / blockTokens
  const blocks = blocksFor(tokens, blockTokens)
  const there = available(backend)
  if (blocks - cached > there) return false
  if (cached > 0 && blocks - cached > there - evictableAmong(backend, request, cached)) return false
  const h = changetype<Holding>(holdings.take())
  h.request = request
  h.backend = backend
  h.held = null
  h.own = null
  h.pins = 0
  h.blocks = blocks
  h.pathEnd = pathBlocks(backend, request)
  h.next = changetype<Holding | null>(<usize>heads[request])
  heads[request] = <i32>changetype<usize>(h)
  if (cached > 0) advance(h, cached, false)
  takeBlocks(backend, blocks - cached)
  return true
}

/** Makes room for the first `tokens` tokens. @returns false, with nothing changed, when the blocks are not there */
export function extend(backend: i32, request: i32, tokens: i32): bool {
  const h = holdingOf(backend, request)
  const blocks = blocksFor(tokens, blockTokensOf[backend])
  const needed = blocks - h.blocks
  if (needed <= 0) return true
  if (needed > available(backend)) return false
  takeBlocks(backend, needed)
  h.blocks = blocks
  return true
}

/** Says that the first `tokens` tokens of a request are computed. */
export function commit(backend: i32, request: i32, tokens: i32): void {
  if (sharesPrefixes) advance(holdingOf(backend, request), tokens / blockTokensOf[backend], true)
}

export function release(backend: i32, request: i32, mayReturn: bool): void {
  letGo(holdingOf(backend, request), mayReturn)
}

/** Takes blocks that are there, evicting what is least recently used when none is free. */
export function takeBlocks(backend: i32, blocks: i32): void {
  const free = freeBlocks[backend]
  if (blocks <= free) {
    freeBlocks[backend] = free - blocks
    return
  }
  freeBlocks[backend] = 0
  evict(backend, blocks - free)
}

/** Stops holding for a request for which blocks were taken up to `tokens` tokens, all of them computed. */
export function leaveBlocks(backend: i32, request: i32, tokens: i32, mayReturn: bool): void {
  const h = holdingOf(backend, request)
  const blockTokens = blockTokensOf[backend]
  const whole = tokens / blockTokens
  h.blocks = whole * blockTokens === tokens ? whole : whole + 1
  if (sharesPrefixes) advance(h, whole, true)
  letGo(h, mayReturn)
}

function holdingOf(backend: i32, request: i32): Holding {
  let h = changetype<Holding>(<usize>heads[request])
  while (h.backend !== backend) h = changetype<Holding>(h.next)
  return h
}

function ownBlocks(h: Holding): i32 {
  return max(0, h.pins - h.pathEnd)
}

function letGo(h: Holding, mayReturn: bool): void {
  const backend = h.backend
  freeBlocks[backend] = freeBlocks[backend] + (h.blocks - h.pins)
  const count = ownBlocks(h)
  if (count > 0) {
    if (mayReturn && h.own === null) keepOwn(h)
    const own = h.own
    if (own === null) appendNameless(backend, count)
    else unpin(own, own.start)
  }
  if (h.held !== null) unpinPath(h)
  const request = h.request
  if (heads[request] === <i32>changetype<usize>(h)) heads[request] = <i32>changetype<usize>(h.next)
  else {
    let before = changetype<Holding>(<usize>heads[request])
    while (before.next !== h) before = changetype<Holding>(before.next)
    before.next = h.next
  }
  holdings.give(changetype<usize>(h))
}

/** Makes the own blocks of a holding an extent, which the request finds when it comes back. */
function keepOwn(h: Holding): void {
  const pins = h.pins
  const own = addOwn(h.backend, h.request, h.held, pins - ownBlocks(h))
  h.own = own
  setResident(own, pins)
  own.pinned = pins
}

/** How many of the first `blocks` resident blocks of a request nobody pins. */
function evictableAmong(backend: i32, request: i32, blocks: i32): i32 {
  let count = 0
  let e = deepest(backend, request)
  while (e !== null) {
    const top = min(blocks, e.resident)
    if (top > e.pinned) count += top - max(e.pinned, e.start)
    // Whatever is pinned is pinned with everything before it.
    if (e.pinned > e.start) break
    e = e.parent
  }
  return max(0, count)
}

/**
 * Pins the blocks of a holding up to `target`. When they were just computed, they become resident, and those
 * that others had computed before give their duplicates back.
 */
function advance(h: Holding, target: i32, isComputed: bool): void {
  const pins = h.pins
  if (target <= pins) return
  const pathEnd = h.pathEnd
  if (pins < pathEnd) advanceOnPath(h, min(target, pathEnd), isComputed)
  if (target > pathEnd) {
    // Blocks that no other prompt has need no extent before the request may come back for them.
    const own = findOwn(h.backend, h.request)
    h.own = own
    if (own !== null) fill(own, max(pins, pathEnd), target, isComputed)
  }
  h.pins = target
}

function advanceOnPath(h: Holding, target: i32, isComputed: bool): void {
  const pins = h.pins
  const backend = h.backend
  const holders = holdersOf(backend)
  const start = holders.start
  const end = holders.end
  const parent = holders.parent
  let length = 0
  for (let n = holders.leaf[h.request]; n >= 0 && end[n] > pins; n = parent[n])
    if (start[n] < target) setPath(length++, n)
  for (let i = length - 1; i >= 0; i--) {
    const node = pathAt(i)
    const found = find(backend, node)
    const e = found === null ? add(backend, node, h.held) : found
    const top = min(target, end[node])
    fill(e, max(pins, start[node]), top, isComputed)
    movePin(h, e, top)
  }
}

/** Makes blocks `from` to `top` of an extent pinned, and resident if they were just computed. */
function fill(e: Extent, from: i32, top: i32, isComputed: bool): void {
  const backend = e.backend
  if (isComputed) {
    const duplicates = min(e.resident, top) - from
    if (duplicates > 0) freeBlocks[backend] = freeBlocks[backend] + duplicates
    if (top > e.resident) setResident(e, top)
  }
  if (top <= e.pinned) return
  e.pinned = top
  e.segment = removeUpTo(backend, e.segment, top)
}

/** Moves the end of a holding's pins to block `top` of an extent of the tree. */
function movePin(h: Holding, e: Extent, top: i32): void {
  if (h.held === e) {
    e.partial -= 1
    leavePartials(h)
  }
  h.held = e
  h.pins = top
  if (top === e.end) e.full += 1
  else {
    e.partial += 1
    const list = listAt(partials, h.backend)
    h.partialAt = list.size
    list.push(<i32>changetype<usize>(h))
  }
}

function leavePartials(h: Holding): void {
  const list = listAt(partials, h.backend)
  const last = list.pop()
  if (last === <i32>changetype<usize>(h)) return
  list.data[h.partialAt] = last
  changetype<Holding>(<usize>last).partialAt = h.partialAt
}

/** Lets go of the pins of a holding on the extents of the tree, deepest first. */
function unpinPath(h: Holding): void {
  const held = changetype<Extent>(h.held)
  let e: Extent | null = held
  if (h.pins < held.end) {
    leavePartials(h)
    held.partial -= 1
    unpin(held, stillPinned(held))
    e = held.parent
  }
  while (e !== null) {
    e.full -= 1
    if (e.full === 0) unpin(e, stillPinned(e))
    e = e.parent
  }
}

/** How far the remaining holdings pin an extent. */
function stillPinned(e: Extent): i32 {
  if (e.full > 0) return e.end
  let depth = e.start
  if (e.partial > 0) {
    const list = listAt(partials, e.backend)
    for (let i = 0; i < list.size; i++) {
      const h = changetype<Holding>(<usize>list.data[i])
      if (h.held === e) depth = max(depth, h.pins)
    }
  }
  return depth
}

/** Makes the blocks of an extent from `depth` on evictable, as the most recently used. */
function unpin(e: Extent, depth: i32): void {
  const pinned = e.pinned
  if (depth >= pinned) return
  e.pinned = depth
  e.segment = append(e.backend, e, depth, pinned, e.segment)
}

/** Forgets what was cached in the blocks that were not used for longest. */
function evict(backend: i32, blocks: i32): void {
  evictions[backend] = evictions[backend] + <f64>blocks
  for (let left = blocks; left > 0; ) {
    const count = evictOldest(backend, left)
    const e = evictedFrom
    left -= count
    if (e === null) continue
    setResident(e, e.resident - count)
    if (isExhausted) e.segment = 0
    if (e.resident === e.start) drop(e)
  }
}

/** The first backend whose blocks do not add up, -1 for none, -2 when an extent has a gap. */
export function verifyCache(): i32 {
  const resident = takeFloats(backends)
  const unused = takeFloats(backends)
  if (!addUp(resident, unused)) return -2
  for (let request = 0; request < requests; request++) {
    let h = changetype<Holding | null>(<usize>heads[request])
    while (h !== null) {
      const own = h.own === null ? ownBlocks(h) : 0
      resident[h.backend] = resident[h.backend] + <f64>(h.blocks - h.pins + own)
      h = h.next
    }
  }
  for (let backend = 0; backend < backends; backend++) {
    const loose = <f64>nameless[backend]
    const counted = resident[backend] + loose + <f64>freeBlocks[backend]
    if (counted !== <f64>blocksOf[backend]) return backend
    if (unused[backend] + loose !== <f64>evictable[backend]) return backend
  }
  return -1
}
