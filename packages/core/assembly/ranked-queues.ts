import { rankOf } from './host'
import { Bytes, take, takeBytes } from './memory'
import { backends } from './state'

const NONE = -1

/** One who waits at a backend whose local policy gives ranks. */
@unmanaged
class Entry {
  rank: f64
  /** Grows with every request that joins, sinks with every one that comes back. */
  turn: i32
  request: i32
}

/** A binary heap by rank, first come first served among equals. */
@unmanaged
class Heap {
  entries: usize
  size: i32
  capacity: i32
  latest: i32
  earliest: i32
}

/** By backend: 1 when its queue goes by rank. */
export let isRanked: Bytes = changetype<Bytes>(0)
let heaps: usize

export function beginRanks(): void {
  isRanked = takeBytes(backends)
  heaps = take(<usize>backends * offsetof<Heap>())
}

function heapOf(backend: i32): Heap {
  return changetype<Heap>(heaps + <usize>backend * offsetof<Heap>())
}

function entryAt(heap: Heap, i: i32): Entry {
  return changetype<Entry>(heap.entries + <usize>i * offsetof<Entry>())
}

function isBefore(rank: f64, turn: i32, other: Entry): bool {
  return rank !== other.rank ? rank < other.rank : turn < other.turn
}

function put(at: Entry, rank: f64, turn: i32, request: i32): void {
  at.rank = rank
  at.turn = turn
  at.request = request
}

function move(from: Entry, to: Entry): void {
  put(to, from.rank, from.turn, from.request)
}

/** The request of the smallest rank, -1 when nobody waits. */
export function firstByRank(backend: i32): i32 {
  const heap = heapOf(backend)
  return heap.size === 0 ? NONE : entryAt(heap, 0).request
}

/** @param isFirst - whether it counts as having come before all others */
export function joinByRank(backend: i32, request: i32, isFirst: bool): void {
  const rank = rankOf(backend, request)
  const heap = heapOf(backend)
  if (isFirst) heap.earliest -= 1
  else heap.latest += 1
  const turn = isFirst ? heap.earliest : heap.latest
  if (heap.size === heap.capacity) grow(heap)
  let i = heap.size++
  while (i > 0) {
    const parent = (i - 1) >> 1
    const above = entryAt(heap, parent)
    if (!isBefore(rank, turn, above)) break
    move(above, entryAt(heap, i))
    i = parent
  }
  put(entryAt(heap, i), rank, turn, request)
}

/** Takes the request of the smallest rank out; there must be one. */
export function leaveByRank(backend: i32): void {
  const heap = heapOf(backend)
  const size = heap.size - 1
  heap.size = size
  if (size === 0) return
  const last = entryAt(heap, size)
  let i = 0
  for (let child = 1; child < size; child = 2 * i + 1) {
    if (child + 1 < size) {
      const other = entryAt(heap, child + 1)
      if (isBefore(other.rank, other.turn, entryAt(heap, child))) child++
    }
    if (isBefore(last.rank, last.turn, entryAt(heap, child))) break
    move(entryAt(heap, child), entryAt(heap, i))
    i = child
  }
  move(last, entryAt(heap, i))
}

function grow(heap: Heap): void {
  const capacity = max(16, 2 * heap.capacity)
  const entries = take(<usize>capacity * offsetof<Entry>())
  memory.copy(entries, heap.entries, <usize>heap.size * offsetof<Entry>())
  heap.entries = entries
  heap.capacity = capacity
}
