import { sharedReads } from './host'
import { commit } from './kv-cache'
import { Ints, listAt, takeInts, takeLists } from './memory'
import {
  admission,
  Batch,
  backends,
  batchOf,
  emittedTokens,
  finishStep,
  MOST_STEPS,
  measuredFrom,
  outputTokens,
  promptTokens,
  sharesAnswer,
} from './state'

/*
 * The decoding requests of each backend, in sums: when the first of them finishes, how much context they have,
 * which blocks they will need. All of it is kept up over any number of steps in O(1), and changes in
 * O(log batch) when a request joins or leaves.
 */

/** An entry of the heap of a backend: decoding requests by the step in which they finish, then by admission. */
@unmanaged
class Finish {
  step: i32
  admission: i32
  request: i32
}

let heap: usize
/** By residue of a backend: decoding requests that need their next block in steps of this residue. */
let growth: Ints = changetype<Ints>(0)
let sharingGrowth: Ints = changetype<Ints>(0)
/** By backend: decoding requests whose answer is part of later prompts, in the order in which they joined. */
let sharing: usize

export function beginBatches(places: i32, residues: i32): void {
  heap = <usize>changetype<usize>(takeInts(3 * places))
  growth = takeInts(residues)
  sharingGrowth = takeInts(residues)
  sharing = takeLists(backends)
}

function entryAt(first: i32, i: i32): Finish {
  return changetype<Finish>(heap + <usize>(first + i) * offsetof<Finish>())
}

export function requestAt(batch: Batch, i: i32): i32 {
  return entryAt(batch.firstPlace, i).request
}

function isBefore(step: i32, order: i32, other: Finish): bool {
  return step !== other.step ? step < other.step : order < other.admission
}

function move(from: Finish, to: Finish): void {
  to.step = from.step
  to.admission = from.admission
  to.request = from.request
}

function put(at: Finish, step: i32, order: i32, request: i32): void {
  at.step = step
  at.admission = order
  at.request = request
}

function rise(first: i32, from: i32, step: i32, order: i32, request: i32): void {
  let i = from
  while (i > 0) {
    const parent = (i - 1) >> 1
    const above = entryAt(first, parent)
    if (!isBefore(step, order, above)) break
    move(above, entryAt(first, i))
    i = parent
  }
  put(entryAt(first, i), step, order, request)
}

function sink(first: i32, size: i32, from: i32, step: i32, order: i32, request: i32): void {
  let i = from
  for (;;) {
    let child = 2 * i + 1
    if (child >= size) break
    let below = entryAt(first, child)
    if (child + 1 < size) {
      const other = entryAt(first, child + 1)
      if (isBefore(other.step, other.admission, below)) {
        child++
        below = other
      }
    }
    if (isBefore(step, order, below)) break
    move(below, entryAt(first, i))
    i = child
  }
  put(entryAt(first, i), step, order, request)
}

/** Takes the i-th of `size` entries out. */
function removeEntry(first: i32, size: i32, i: i32): void {
  const last = size - 1
  if (i === last) return
  const from = entryAt(first, last)
  const step = from.step
  const order = from.admission
  const request = from.request
  if (i > 0 && isBefore(step, order, entryAt(first, (i - 1) >> 1)))
    rise(first, i, step, order, request)
  else sink(first, last, i, step, order, request)
}

/** Steps until the first request finishes; there must be one. */
export function stepsToFinish(batch: Batch): i32 {
  return entryAt(batch.firstPlace, 0).step - batch.counter
}

/** The residue of the requests that need a block in the next step. */
function due(counter: i32, blockTokens: i32): i32 {
  const rest = counter % blockTokens
  return rest === 0 ? 0 : blockTokens - rest
}

function changeGrowth(counts: Ints, batch: Batch, computed: i32, by: i32): void {
  const blockTokens = batch.blockTokens
  const difference = (computed % blockTokens) - (batch.counter % blockTokens)
  const at = batch.firstResidue + (difference < 0 ? difference + blockTokens : difference)
  counts[at] = counts[at] + by
}

/** KV blocks that the next k steps need. */
export function blocksNeeded(batch: Batch, k: i32): i64 {
  if (batch.decodes === 0) return 0
  const blockTokens = batch.blockTokens
  const first = batch.firstResidue
  let rest = k
  let blocks: i64 = 0
  if (k >= blockTokens) {
    const whole = k / blockTokens
    blocks = <i64>whole * <i64>batch.decodes
    rest = k - whole * blockTokens
  }
  let residue = due(batch.counter, blockTokens)
  for (; rest > 0; rest--) {
    blocks += <i64>growth[first + residue]
    residue = residue === 0 ? blockTokens - 1 : residue - 1
  }
  return blocks
}

/** Steps until a request completes a block of an answer that later prompts repeat. */
export function stepsToSharedBlock(batch: Batch): i32 {
  const blockTokens = batch.blockTokens
  const first = batch.firstResidue
  let residue = due(batch.counter, blockTokens)
  for (let k = 1; k <= blockTokens; k++) {
    residue = residue === 0 ? blockTokens - 1 : residue - 1
    if (sharingGrowth[first + residue] > 0) return k
  }
  return MOST_STEPS
}

/** How many of the decoding requests have answers that are part of later prompts. */
export function sharingOf(backend: i32): i32 {
  return listAt(sharing, backend).size
}

/** Commits the blocks of answers that later prompts repeat, of requests admitted before the given one. */
export function commitShared(backend: i32, before: i32): void {
  const list = listAt(sharing, backend)
  if (list.size === 0) return
  const batch = batchOf(backend)
  for (let i = 0; i < list.size; i++) {
    const request = list.data[i]
    if (admission[request] >= before) continue
    commit(backend, request, tokensComputed(batch, request))
  }
}

/** Every request gets k tokens. */
export function advanceDecodes(batch: Batch, k: i32): void {
  batch.counter += k
  batch.contextTokens += <f64>batch.decodes * <f64>k
}

/** A request joins; `emittedTokens` keeps what it had emitted by then. */
export function joinDecodes(backend: i32, request: i32): void {
  const batch = batchOf(backend)
  if (batch.counter >= MOST_STEPS) countAnew(batch)
  const emitted = emittedTokens[request]
  const computed = promptTokens[request] + emitted - 1
  const finish = batch.counter + outputTokens[request] - emitted
  const size = batch.decodes
  finishStep[request] = finish
  batch.decodes = size + 1
  batch.contextTokens += <f64>(computed + 1)
  if (batch.countsShared) batch.sharedTokens += <f64>sharedReads(backend, request, 1)
  if (request >= measuredFrom) batch.measured += 1
  rise(batch.firstPlace, size, finish, admission[request], request)
  changeGrowth(growth, batch, computed, 1)
  if (sharesAnswer[request]) {
    listAt(sharing, backend).push(request)
    changeGrowth(sharingGrowth, batch, computed, 1)
  }
}

/** Takes out the next request that has finished, in order of admission. @returns -1 when none has */
export function leaveFinished(backend: i32): i32 {
  const batch = batchOf(backend)
  if (batch.decodes === 0) return -1
  if (entryAt(batch.firstPlace, 0).step !== batch.counter) return -1
  return leave(backend, 0)
}

/** Takes out the request admitted last. @returns that request */
export function leaveNewest(backend: i32): i32 {
  const batch = batchOf(backend)
  const first = batch.firstPlace
  let newest = 0
  for (let i = 1; i < batch.decodes; i++)
    if (entryAt(first, i).admission > entryAt(first, newest).admission) newest = i
  return leave(backend, newest)
}

/** Writes all requests of a backend, oldest first. */
export function inOrderOfAdmission(batch: Batch, out: Ints): void {
  const count = batch.decodes
  for (let i = 0; i < count; i++) out[i] = requestAt(batch, i)
  for (let i = (count >> 1) - 1; i >= 0; i--) settleNewest(out, i, count)
  for (let size = count - 1; size > 0; size--) {
    const newest = out[0]
    out[0] = out[size]
    out[size] = newest
    settleNewest(out, 0, size)
  }
}

/** Sinks the i-th of `size` requests below those admitted later: a step of sorting by a heap. */
function settleNewest(requests: Ints, from: i32, size: i32): void {
  const request = requests[from]
  const order = admission[request]
  let i = from
  for (let child = 2 * i + 1; child < size; child = 2 * i + 1) {
    if (child + 1 < size && admission[requests[child + 1]] > admission[requests[child]]) child++
    if (admission[requests[child]] < order) break
    requests[i] = requests[child]
    i = child
  }
  requests[i] = request
}

/** Tokens of a request whose KV is computed; right for one that has just left, too. */
export function tokensComputed(batch: Batch, request: i32): i32 {
  const atEnd = promptTokens[request] + outputTokens[request] - 1
  return atEnd - (abs(finishStep[request]) - batch.counter)
}

/** Whether a request decodes, on whatever backend. */
export function isDecoding(request: i32): bool {
  return finishStep[request] > 0
}

function leave(backend: i32, i: i32): i32 {
  const batch = batchOf(backend)
  const size = batch.decodes
  const request = requestAt(batch, i)
  const computed = tokensComputed(batch, request)
  finishStep[request] = -finishStep[request]
  batch.decodes = size - 1
  batch.contextTokens -= <f64>(computed + 1)
  if (batch.countsShared) batch.sharedTokens -= <f64>sharedReads(backend, request, -1)
  if (request >= measuredFrom) batch.measured -= 1
  removeEntry(batch.firstPlace, size, i)
  changeGrowth(growth, batch, computed, -1)
  if (sharesAnswer[request]) {
    listAt(sharing, backend).remove(request)
    changeGrowth(sharingGrowth, batch, computed, -1)
  }
  return request
}

/** Counts steps from near 0 again; residues of block growth stay what they are. */
function countAnew(batch: Batch): void {
  const steps = batch.counter - (batch.counter % batch.blockTokens)
  batch.counter -= steps
  for (let i = 0; i < batch.decodes; i++) {
    const entry = entryAt(batch.firstPlace, i)
    entry.step -= steps
    finishStep[entry.request] = finishStep[entry.request] - steps
  }
}
