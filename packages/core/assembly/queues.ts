import { fillMinusOne, Ints, takeInts } from './memory'
import { firstByRank, isRanked, joinByRank, leaveByRank } from './ranked-queues'

const NONE = -1

/**
 * Requests waiting at each backend: first in, first out, and a way back to the front; by rank where a backend has a
 * local policy.
 */
let heads: Ints = changetype<Ints>(0)
let tails: Ints = changetype<Ints>(0)
let next: Ints = changetype<Ints>(0)

export function beginQueues(backends: i32, requests: i32): void {
  heads = takeInts(backends)
  tails = takeInts(backends)
  next = takeInts(requests)
  fillMinusOne(heads, backends)
  fillMinusOne(tails, backends)
}

/** The request at the front, -1 when nobody waits. */
export function peek(backend: i32): i32 {
  return isRanked[backend] ? firstByRank(backend) : heads[backend]
}

export function pushBack(backend: i32, request: i32): void {
  if (isRanked[backend]) {
    joinByRank(backend, request, false)
    return
  }
  const tail = tails[backend]
  if (tail === NONE) heads[backend] = request
  else next[tail] = request
  next[request] = NONE
  tails[backend] = request
}

export function pushFront(backend: i32, request: i32): void {
  if (isRanked[backend]) {
    joinByRank(backend, request, true)
    return
  }
  const head = heads[backend]
  if (head === NONE) tails[backend] = request
  next[request] = head
  heads[backend] = request
}

/** Takes the request at the front out; there must be one. */
export function popFront(backend: i32): void {
  if (isRanked[backend]) {
    leaveByRank(backend)
    return
  }
  const head = next[heads[backend]]
  heads[backend] = head
  if (head === NONE) tails[backend] = NONE
}
