import { IdSet } from './id-set'
import { endOfSegments } from './lru-segments'
import { Floats, Ints, List, Pool, take, takeInts, takePool } from './memory'

const NONE = -1

/**
 * What one backend holds of one node of the tree of prompts: blocks [start, resident), the first of which,
 * [start, pinned), are in use by running requests.
 */
@unmanaged
export class Extent {
  /** The node, or -1 - request for blocks that are a request's own. */
  node: i32
  backend: i32
  start: i32
  end: i32
  resident: i32
  pinned: i32
  /** Requests that hold the node to its end, and requests that hold only its beginning. */
  full: i32
  partial: i32
  /** That of the parent node on the same backend. */
  parent: Extent | null
  /** Neighbours in the chain of extents of the same node on other backends. */
  next: Extent | null
  previous: Extent | null
  /** Shallowest of its runs that can be evicted. */
  segment: usize
}

/** The blocks of prompts in blocks of one size, and who holds them. */
@unmanaged
export class Holders {
  blockTokens: i32
  nodes: i32
  parent: Ints
  start: Ints
  end: Ints
  /** By request: the deepest node of its path, -1 for none. */
  leaf: Ints
  /** By node: the first extent of its chain, and its row, 0 for none; how many hold it. */
  heads: Ints
  rowOf: Ints
  counts: Ints
  /** Rows that were given up. */
  spareRows: List
}

let backends: i32
let wideFrom: i32
let requests: i32
/** By block size, and by backend. */
let sizes: i32
let bySize: Ints = changetype<Ints>(0)
let byBackend: Ints = changetype<Ints>(0)
/** By request: the first extent of its own blocks, 0 for none. */
let ownHeads: Ints = changetype<Ints>(0)
let promptTokens: Ints = changetype<Ints>(0)
let path: Ints = changetype<Ints>(0)
let extents: Pool = changetype<Pool>(0)

export function beginIndex(
  backendCount: i32,
  requestCount: i32,
  sizeCount: i32,
  depth: i32,
  wide: i32,
  tokens: Ints,
): void {
  backends = backendCount
  requests = requestCount
  wideFrom = wide
  sizes = 0
  bySize = takeInts(sizeCount)
  byBackend = takeInts(backendCount)
  ownHeads = takeInts(requestCount)
  promptTokens = tokens
  path = takeInts(depth)
  extents = takePool(offsetof<Extent>())
}

/** One more size of blocks. @returns it, its columns of the tree to be filled in */
export function addSize(blockTokens: i32, nodes: i32): Holders {
  const holders = changetype<Holders>(take(offsetof<Holders>()))
  holders.blockTokens = blockTokens
  holders.nodes = nodes
  holders.parent = takeInts(nodes)
  holders.start = takeInts(nodes)
  holders.end = takeInts(nodes)
  holders.leaf = takeInts(requests)
  holders.heads = takeInts(nodes)
  holders.rowOf = takeInts(nodes)
  holders.counts = takeInts(nodes)
  holders.spareRows = changetype<List>(take(offsetof<List>()))
  bySize[sizes++] = <i32>changetype<usize>(holders)
  return holders
}

export function setSize(backend: i32, holders: Holders): void {
  byBackend[backend] = <i32>changetype<usize>(holders)
}

export function holdersOf(backend: i32): Holders {
  return changetype<Holders>(<usize>byBackend[backend])
}

export function pathAt(i: i32): i32 {
  return path[i]
}

export function setPath(i: i32, node: i32): void {
  path[i] = node
}

/** Blocks on the path of a request's prompt. */
export function pathBlocks(backend: i32, request: i32): i32 {
  const holders = holdersOf(backend)
  const leaf = holders.leaf[request]
  return leaf < 0 ? 0 : holders.end[leaf]
}

/** Writes the cached leading tokens of a request's path on every backend; the last of the prompt never counts. */
export function match(request: i32, out: Ints): void {
  memory.fill(changetype<usize>(out), 0, (<usize>backends) << 2)
  const tokens = promptTokens[request] - 1
  for (let s = 0; s < sizes; s++) {
    const holders = changetype<Holders>(<usize>bySize[s])
    const heads = holders.heads
    const parent = holders.parent
    const blockTokens = holders.blockTokens
    let length = 0
    for (let node = holders.leaf[request]; node >= 0; node = parent[node])
      if (heads[node] !== 0) path[length++] = node
    const limit = tokens / blockTokens
    for (let i = length - 1; i >= 0; i--) {
      const node = path[i]
      const row = rowAt(holders, node)
      if (row === null) {
        let e = changetype<Extent | null>(<usize>heads[node])
        while (e !== null) {
          out[e.backend] = min(e.resident, limit) * blockTokens
          e = e.next
        }
        continue
      }
      for (let b = 0; b < backends; b++) {
        const blocks = residentIn(row, b)
        if (blocks > 0) out[b] = min(blocks, limit) * blockTokens
      }
    }
  }
}

/** The first node of a request's path in blocks of a size, -1 for none. */
function firstNode(holders: Holders, request: i32): i32 {
  const parent = holders.parent
  let first = NONE
  for (let node = holders.leaf[request]; node >= 0; node = parent[node]) first = node
  return first
}

/** Lists the backends of a set that hold anything of a request's path. @returns how many */
export function holdersAmong(request: i32, among: IdSet, out: Ints): i32 {
  let count = 0
  for (let s = 0; s < sizes; s++) {
    const holders = changetype<Holders>(<usize>bySize[s])
    const first = firstNode(holders, request)
    if (first === NONE) continue
    // Who holds anything of a path holds its first node.
    const row = rowAt(holders, first)
    if (row === null) {
      let e = changetype<Extent | null>(<usize>holders.heads[first])
      while (e !== null) {
        if (among.has(e.backend)) out[count++] = e.backend
        e = e.next
      }
      continue
    }
    for (let i = 0; i < among.size; i++)
      if (row[among.members[i]] !== 0) out[count++] = among.members[i]
  }
  return count
}

/** The deepest extent of a request's content on a backend: what is resident ends with it. */
export function deepest(backend: i32, request: i32): Extent | null {
  const own = findOwn(backend, request)
  if (own !== null) return own
  const holders = holdersOf(backend)
  const parent = holders.parent
  for (let node = holders.leaf[request]; node >= 0; node = parent[node]) {
    const e = find(backend, node)
    if (e !== null) return e
  }
  return null
}

/** The extent of a node on a backend. */
export function find(backend: i32, node: i32): Extent | null {
  const holders = holdersOf(backend)
  const row = rowAt(holders, node)
  if (row !== null) return changetype<Extent | null>(<usize>row[backend])
  let e = changetype<Extent | null>(<usize>holders.heads[node])
  while (e !== null && e.backend !== backend) e = e.next
  return e
}

/** The extent of a request's own blocks on a backend. */
export function findOwn(backend: i32, request: i32): Extent | null {
  let e = changetype<Extent | null>(<usize>ownHeads[request])
  while (e !== null && e.backend !== backend) e = e.next
  return e
}

/** An empty extent of a node on a backend. */
export function add(backend: i32, node: i32, above: Extent | null): Extent {
  const holders = holdersOf(backend)
  const heads = holders.heads
  const e = newExtent(backend, node, above, holders.start[node], holders.end[node], heads[node])
  heads[node] = <i32>changetype<usize>(e)
  const count = holders.counts[node] + 1
  holders.counts[node] = count
  let row = rowAt(holders, node)
  if (row === null && count >= wideFrom) {
    const wide = emptyRow(holders)
    holders.rowOf[node] = <i32>changetype<usize>(wide)
    let other: Extent | null = e.next
    while (other !== null) {
      setRow(wide, other.backend, <i32>changetype<usize>(other), other.resident)
      other = other.next
    }
    row = wide
  }
  if (row !== null) setRow(row, backend, <i32>changetype<usize>(e), e.resident)
  return e
}

/** An extent of blocks that are a request's own, without an end. */
export function addOwn(backend: i32, request: i32, above: Extent | null, start: i32): Extent {
  const e = newExtent(backend, -1 - request, above, start, i32.MAX_VALUE, ownHeads[request])
  ownHeads[request] = <i32>changetype<usize>(e)
  return e
}

function newExtent(
  backend: i32,
  node: i32,
  above: Extent | null,
  start: i32,
  end: i32,
  head: i32,
): Extent {
  const e = changetype<Extent>(extents.take())
  const next = changetype<Extent | null>(<usize>head)
  e.node = node
  e.backend = backend
  e.start = start
  e.end = end
  e.resident = start
  e.pinned = start
  e.full = 0
  e.partial = 0
  e.parent = above
  e.next = next
  e.previous = null
  if (next !== null) next.previous = e
  e.segment = 0
  return e
}

/** Says how far an extent is resident. */
export function setResident(e: Extent, resident: i32): void {
  e.resident = resident
  const node = e.node
  if (node < 0) return
  const holders = holdersOf(e.backend)
  const row = rowAt(holders, node)
  if (row !== null) row[backends + e.backend] = resident
}

/** Forgets an extent that holds nothing any more. */
export function drop(e: Extent): void {
  const node = e.node
  const backend = e.backend
  const next = e.next
  const previous = e.previous
  if (next !== null) next.previous = previous
  if (previous !== null) previous.next = next
  else if (node < 0) ownHeads[-1 - node] = <i32>changetype<usize>(next)
  else holdersOf(backend).heads[node] = <i32>changetype<usize>(next)
  extents.give(changetype<usize>(e))
  if (node < 0) return
  const holders = holdersOf(backend)
  const count = holders.counts[node] - 1
  holders.counts[node] = count
  const row = rowAt(holders, node)
  if (row === null) return
  setRow(row, backend, 0, 0)
  if (2 * count > wideFrom) return
  holders.rowOf[node] = 0
  holders.spareRows.push(<i32>changetype<usize>(row))
}

/**
 * The row of a node that many backends hold, an entry for each: its extent, 0 for none, and after those of all
 * backends up to which block it is resident.
 */
function rowAt(holders: Holders, node: i32): Ints | null {
  return changetype<Ints | null>(<usize>holders.rowOf[node])
}

function residentIn(row: Ints, backend: i32): i32 {
  return row[backends + backend]
}

function setRow(row: Ints, backend: i32, extent: i32, resident: i32): void {
  row[backend] = extent
  row[backends + backend] = resident
}

function emptyRow(holders: Holders): Ints {
  if (holders.spareRows.size === 0) return takeInts(2 * backends)
  const row = changetype<Ints>(<usize>holders.spareRows.pop())
  memory.fill(changetype<usize>(row), 0, (<usize>backends) << 3)
  return row
}

/** Adds up what the extents of all backends have: resident and evictable blocks. @returns false when the runs of one leave a gap */
export function addUp(resident: Floats, evictable: Floats): bool {
  for (let s = 0; s < sizes; s++) {
    const holders = changetype<Holders>(<usize>bySize[s])
    for (let node = 0; node < holders.nodes; node++)
      if (!addChain(holders.heads[node], resident, evictable)) return false
  }
  for (let request = 0; request < requests; request++)
    if (!addChain(ownHeads[request], resident, evictable)) return false
  return true
}

function addChain(head: i32, resident: Floats, evictable: Floats): bool {
  let e = changetype<Extent | null>(<usize>head)
  while (e !== null) {
    const backend = e.backend
    resident[backend] = resident[backend] + <f64>(e.resident - e.start)
    evictable[backend] = evictable[backend] + <f64>(e.resident - e.pinned)
    if (endOfSegments(e.segment, e.pinned) !== e.resident) return false
    e = e.next
  }
  return true
}
