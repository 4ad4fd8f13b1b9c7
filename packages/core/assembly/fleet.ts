import {
  advanceDecodes,
  blocksNeeded,
  commitShared,
  inOrderOfAdmission,
  isDecoding,
  joinDecodes,
  leaveFinished,
  leaveNewest,
  requestAt,
  sharingOf,
  stepsToFinish,
  stepsToSharedBlock,
  tokensComputed,
} from './batches'
import {
  firstTokenProduced,
  flushGaps,
  latency,
  prefillFinished,
  refuseLatency,
  requestFinished,
  transferStarted,
} from './host'
import {
  admitBlocks,
  available,
  commit,
  extend,
  leaveBlocks,
  matchOn,
  release,
  takeBlocks,
} from './kv-cache'
import { Floats, Ints, listAt, take, takeFloats, takeInts, takeLists } from './memory'
import { holdersAmong } from './prefix-index'
import { peek, popFront, pushBack, pushFront } from './queues'
import {
  admission,
  admittedMs,
  Batch,
  backends,
  batchOf,
  cachedTokens,
  computedTokens,
  decodesOn,
  emittedTokens,
  endMs,
  evicting,
  firstTokenMs,
  growing,
  isHandedOver,
  isTransferring,
  lastTokenMs,
  MOST_STEPS,
  measuredFrom,
  newsMs,
  outputTokens,
  outstanding,
  pendingPromptTokens,
  preemptions,
  promptTokens,
  running,
  time,
  waiting,
} from './state'
import {
  allocateSteps,
  announceNews,
  announceNone,
  beginBlocks,
  beginPlan,
  endAfter,
  planPrefill,
  prefillAt,
  prefillTokensAt,
  stepsOver,
  stepsThatFit,
  stepUnderWay,
  sync,
} from './stretches'

const NONE = -1

/** The shape of a step, as the host reads it, and its durations, as the host writes them. */
@unmanaged
export class Segment {
  prefillTokens: f64
  prefillRequests: f64
  prefillPairs: f64
  decodeRequests: f64
  decodeTokens: f64
  decodeSharedTokens: f64
  baseMs: f64
  slopeMs: f64
  /** May be infinite. */
  steps: f64
}

export let segment: Segment = changetype<Segment>(0)
/** Runs of gaps between tokens, four numbers each, until they are handed on; how many numbers there are. */
export let gaps: Floats = changetype<Floats>(0)
export let gapsUsed: Ints = changetype<Ints>(0)
export let counters: Floats = changetype<Floats>(0)
const GAP_NUMBERS: i32 = 4096
let holders: Ints = changetype<Ints>(0)
/** By backend: admitted requests whose KV cache has arrived since the last step, and those that it was for. */
let arrived: usize
let resumed: usize
/** Whether requests were handed over. */
export let handsOver: bool = false
/** Decodes of a backend, oldest first. */
let ordered: Ints = changetype<Ints>(0)

export function beginFleet(largestBatch: i32): void {
  ordered = takeInts(largestBatch)
  segment = changetype<Segment>(take(offsetof<Segment>()))
  gaps = takeFloats(GAP_NUMBERS)
  gapsUsed = takeInts(2)
  counters = takeFloats(8)
  holders = takeInts(backends)
  arrived = takeLists(backends)
  resumed = takeLists(backends)
}

/** A request was sent here: from now on it counts as waiting. */
export function accept(backend: i32, request: i32): void {
  pendingPromptTokens[backend] = pendingPromptTokens[backend] + <f64>promptTokens[request]
  countWaiting(backend)
}

/** Takes a request whose prompt was computed elsewhere. */
export function enqueueHandedOver(backend: i32, request: i32): void {
  handsOver = true
  countWaiting(backend)
  enqueue(backend, request)
}

function countWaiting(backend: i32): void {
  measure(backend)
  waiting[backend] = waiting[backend] + 1
  outstanding[backend] = outstanding[backend] + 1
}

/** The KV cache of a handed-over request has arrived. */
export function transferCompleted(backend: i32, request: i32): void {
  const batch = batchOf(backend)
  measure(backend)
  sync(backend)
  isTransferring[request] = 0
  commit(backend, request, computedTokens[request])
  listAt(arrived, backend).push(request)
  batch.guests += 1
  batch.isBlocked = false
}

/** Lets go of the KV blocks of a request that another backend has taken over. */
export function releaseHandedOver(backend: i32, request: i32): void {
  measure(backend)
  sync(backend)
  release(backend, request, false)
  batchOf(backend).isBlocked = false
}

/** An accepted request joins the queue. */
export function enqueue(backend: i32, request: i32): void {
  const front = peek(backend)
  pushBack(backend, request)
  // Somebody else may fit when the front of the queue does not.
  if (peek(backend) !== front) batchOf(backend).isBlocked = false
}

/** Something came up while several steps were under way: ends with the present one if that matters. */
export function interrupt(backend: i32): void {
  const batch = batchOf(backend)
  if (batch.steps === 1 || endMs[backend] === Infinity) return
  const mayAdmit =
    !batch.isBlocked &&
    peek(backend) !== NONE &&
    batch.budget > 0 &&
    running[backend] < batch.maxBatch
  if (!mayAdmit && listAt(arrived, backend).size === 0) return
  const steps = stepUnderWay(batch)
  batch.steps = steps
  const end = endAfter(batch, steps)
  // In the same instant the end may lie a few bits back.
  endMs[backend] = Math.max(end, time[0])
}

/** Brings what a request can match on any backend up to now. */
export function syncMatches(request: i32): void {
  const nowMs = time[0]
  for (let i = 0; i < growing.size; i++) {
    const backend = growing.members[i]
    if (nowMs >= newsMs[backend]) sync(backend)
  }
  // What is evicted where nothing of the prompt is, it does not look for.
  const count = evicting.size === 0 ? 0 : holdersAmong(request, evicting, holders)
  for (let i = 0; i < count; i++) if (nowMs >= newsMs[holders[i]]) sync(holders[i])
}

/** Accounts for the time since the last call. */
function measure(backend: i32): void {
  const batch = batchOf(backend)
  const nowMs = time[0]
  const elapsedMs = nowMs - batch.sinceMs
  if (elapsedMs > 0) {
    batch.waitingRequestMs += <f64>waiting[backend] * elapsedMs
    batch.runningRequestMs += <f64>running[backend] * elapsedMs
    batch.sinceMs = nowMs
  }
}

/** Writes what a backend has done up to now, in the order of `BackendCounters`. */
export function count(backend: i32): void {
  const batch = batchOf(backend)
  measure(backend)
  sync(backend)
  const isBusy = endMs[backend] !== Infinity
  const steps = <f64>stepsDone(backend)
  counters[0] = batch.busyMs + (isBusy ? time[0] - batch.startMs : 0)
  counters[1] = batch.stepsDone + steps
  counters[2] = batch.prefillTokensDone + batch.prefillTokens * steps
  counters[3] = batch.decodeTokensDone + <f64>batch.decodeRequests * steps
  counters[4] = batch.preemptions
  counters[5] = batch.waitingRequestMs
  counters[6] = batch.runningRequestMs
}

function knownTokens(request: i32): i32 {
  return promptTokens[request] + emittedTokens[request]
}

/** Output tokens that a request has by now. */
export function emittedNow(backend: i32, request: i32): i32 {
  if (!isDecoding(request)) return emittedTokens[request]
  const before = tokensComputed(batchOf(backend), request) + 1 - promptTokens[request]
  return before + stepsDone(backend)
}

/** Steps of the stretch under way that have given every decode a token. */
function stepsDone(backend: i32): i32 {
  if (endMs[backend] === Infinity) return 0
  return stepsOver(backend, stepUnderWay(batchOf(backend)))
}

/** The i-th request that has tokens to come: decodes, and after them those whose KV cache has just arrived. */
export function decodeAt(backend: i32, i: i32): i32 {
  const batch = batchOf(backend)
  const decodes = batch.decodes
  return i < decodes ? requestAt(batch, i) : listAt(arrived, backend).data[i - decodes]
}

export function decodeCount(backend: i32): i32 {
  return batchOf(backend).decodes + listAt(arrived, backend).size
}

/** Forms the next batch and starts a step, or several; does nothing when there is nothing to do. */
export function startStep(backend: i32): void {
  const batch = batchOf(backend)
  measure(backend)
  const hasJoined = batch.guests > 0 && joinArrived(backend)
  const hasPreempted = growForOneStep(backend, batch)
  beginPlan(batch)
  const hasStalled = batch.chunked !== NONE && continueChunked(backend, batch)
  batch.isBlocked = false
  if (!hasPreempted && !hasStalled) admitWaiting(backend, batch)
  launch(backend, batch, hasPreempted || hasStalled || hasJoined)
}

/** Lets requests whose KV cache has arrived decode. @returns true when there were any */
function joinArrived(backend: i32): bool {
  const list = listAt(arrived, backend)
  if (list.size === 0) return false
  for (let i = 0; i < list.size; i++) {
    joinDecodes(backend, list.data[i])
    listAt(resumed, backend).push(list.data[i])
  }
  list.size = 0
  return true
}

/** Takes the blocks that the first step of decodes needs. @returns true when it had to preempt */
function growForOneStep(backend: i32, batch: Batch): bool {
  if (peek(backend) === NONE && batch.chunked === NONE && batch.decodes <= available(backend)) {
    // They fit, and nobody else wants any: time enough to take them when the stretch ends.
    beginBlocks(batch, 0, 0)
    return false
  }
  const needed = <i32>blocksNeeded(batch, 1)
  beginBlocks(batch, 1, needed)
  if (needed === 0) return false
  if (needed <= available(backend)) {
    takeBlocks(backend, needed)
    return false
  }
  growInOrder(backend, batch)
  beginBlocks(batch, 1, <i32>blocksNeeded(batch, 1))
  return true
}

/** Blocks run out in this step: goes through the requests in order of admission, and takes from the newest. */
function growInOrder(backend: i32, batch: Batch): void {
  const count = batch.decodes
  inOrderOfAdmission(batch, ordered)
  for (let i = 0; i < count; i++) {
    const request = ordered[i]
    if (!isDecoding(request)) return
    if (tokensComputed(batch, request) % batch.blockTokens !== 0) continue
    while (isDecoding(request) && available(backend) === 0) preemptNewest(backend, batch)
    if (isDecoding(request)) takeBlocks(backend, 1)
  }
}

function preemptNewest(backend: i32, batch: Batch): void {
  if (batch.chunked !== NONE) {
    preemptChunked(backend, batch)
    return
  }
  const request = leaveNewest(backend)
  const computed = tokensComputed(batch, request)
  const emitted = computed + 1 - promptTokens[request]
  if (emitted > emittedTokens[request]) {
    emittedTokens[request] = emitted
    lastTokenMs[request] = time[0]
  }
  // It may have left before the step it had joined them for.
  if (batch.guests > 0) listAt(resumed, backend).removeIfThere(request)
  leaveBlocks(backend, request, computed, true)
  requeue(backend, batch, request)
}

function preemptChunked(backend: i32, batch: Batch): void {
  const request = batch.chunked
  batch.chunked = NONE
  release(backend, request, true)
  requeue(backend, batch, request)
}

function requeue(backend: i32, batch: Batch, request: i32): void {
  computedTokens[request] = 0
  preemptions[request] = preemptions[request] + 1
  batch.preemptions += 1
  running[backend] = running[backend] - 1
  waiting[backend] = waiting[backend] + 1
  pushFront(backend, request)
}

/** Gives the request that is prefilled over several steps its next chunk. @returns true when blocks ran out */
function continueChunked(backend: i32, batch: Batch): bool {
  const request = batch.chunked
  const computed = computedTokens[request]
  const tokens = min(knownTokens(request) - computed, batch.budget)
  if (tokens === 0) return false
  if (extend(backend, request, computed + tokens)) {
    planPrefill(batch, request, computed, tokens)
    return false
  }
  preemptChunked(backend, batch)
  return true
}

function admitWaiting(backend: i32, batch: Batch): void {
  while (running[backend] < batch.maxBatch && batch.budget > 0) {
    const request = peek(backend)
    if (request === NONE) return
    const isAdmitted = isHandedOver[request]
      ? admitHandedOver(backend, batch, request)
      : admit(backend, batch, request)
    if (!isAdmitted) return
    popFront(backend)
    waiting[backend] = waiting[backend] - 1
  }
}

function admit(backend: i32, batch: Batch, request: i32): bool {
  const known = knownTokens(request)
  const cached = matchOn(backend, request, known - 1)
  let tokens = min(known - cached, batch.budget)
  if (tokens < known - cached && !batch.isChunking) {
    if (batch.prefillRequests > 0) return false
    tokens = known - cached
  }
  if (!admitBlocks(backend, request, cached, cached + tokens)) {
    batch.isBlocked = true
    return false
  }
  enterBatch(backend, batch, request, cached)
  if (Number.isNaN(admittedMs[request])) {
    admittedMs[request] = time[0]
    cachedTokens[request] = cached
  }
  if (cached + tokens < known) batch.chunked = request
  planPrefill(batch, request, cached, tokens)
  return true
}

function admitHandedOver(backend: i32, batch: Batch, request: i32): bool {
  // KV of all tokens comes but that of the latest, which is the next to compute.
  const tokens = knownTokens(request) - 1
  const cached = matchOn(backend, request, tokens)
  if (!admitBlocks(backend, request, cached, tokens)) {
    batch.isBlocked = true
    return false
  }
  enterBatch(backend, batch, request, tokens)
  isHandedOver[request] = 0
  isTransferring[request] = 1
  transferStarted(request, tokens - cached)
  return true
}

function enterBatch(backend: i32, batch: Batch, request: i32, computed: i32): void {
  computedTokens[request] = computed
  admission[request] = batch.admissions
  batch.admissions += 1
  running[backend] = running[backend] + 1
}

/** Starts the step that is planned, and those after it unless it is alone. */
function launch(backend: i32, batch: Batch, isAlone: bool): void {
  if (batch.prefillRequests + batch.decodeRequests === 0) {
    endMs[backend] = Infinity
    announceNone(backend)
    return
  }
  segment.prefillTokens = batch.prefillTokens
  segment.prefillRequests = <f64>batch.prefillRequests
  segment.prefillPairs = batch.prefillPairs
  segment.decodeRequests = <f64>batch.decodeRequests
  segment.decodeTokens = batch.decodeTokens
  segment.decodeSharedTokens = batch.decodes === 0 ? 0 : batch.sharedTokens
  latency(backend)
  const baseMs = segment.baseMs
  const slopeMs = segment.slopeMs
  batch.startMs = time[0]
  batch.baseMs = baseMs
  batch.slopeMs = slopeMs
  const steps = isAlone ? 1 : stepsTogether(backend, batch, segment.steps)
  batch.steps = steps
  const end = endAfter(batch, steps)
  endMs[backend] = end
  announceNews(backend)
  batch.lastSyncMs = NaN
  const lastMs = baseMs + slopeMs * <f64>(steps - 1)
  if (!(baseMs > 0 && lastMs > 0 && baseMs < Infinity && lastMs < Infinity && end < Infinity))
    refuseLatency(backend)
}

/** How many steps the batch of a backend stays as it is, the first included. */
function stepsTogether(backend: i32, batch: Batch, limit: f64): i32 {
  let most = limit < <f64>MOST_STEPS ? <i32>limit : MOST_STEPS
  if (batch.prefills > 0) most = min(most, fullChunks(backend, batch))
  if (most <= 1) return 1
  if (batch.decodes > 0) most = min(most, stepsToFinish(batch))
  if (sharingOf(backend) > 0) most = min(most, stepsToSharedBlock(batch))
  return most === 1 ? 1 : stepsThatFit(backend, most)
}

/** Steps in which the chunked request, if alone, computes a full chunk. */
function fullChunks(backend: i32, batch: Batch): i32 {
  const request = batch.chunked
  if (batch.budget > 0 || batch.prefills !== 1) return 1
  if (prefillAt(batch, 0) !== request) return 1
  const tokens = prefillTokensAt(batch, 0)
  if (tokens === 1 && emittedTokens[request] > 0) return 1
  const computed = computedTokens[request]
  const known = knownTokens(request)
  // Where others have computed the prompt further, each chunk gives blocks back: step by step then.
  if (matchOn(backend, request, known) > computed) return 1
  return (known - computed) / tokens
}

/** The stretch under way is over. */
export function completeStep(backend: i32): void {
  const batch = batchOf(backend)
  const k = batch.steps
  measure(backend)
  const steps = <f64>k
  batch.busyMs += time[0] - batch.startMs
  batch.stepsDone += steps
  batch.prefillTokensDone += batch.prefillTokens * steps
  batch.decodeTokensDone += <f64>batch.decodeRequests * steps
  allocateSteps(backend, k)
  endMs[backend] = Infinity
  announceNone(backend)
  let measured = batch.measured
  if (batch.guests > 0) measured -= keepResumed(backend, batch)
  if (measured > 0) keepGap(batch.baseMs, batch.slopeMs, steps, <f64>measured)
  if (batch.decodes > 0) {
    advanceDecodes(batch, k)
    finishDecodes(backend, batch)
  }
  if (batch.prefills > 0) finishPrefills(backend, batch, k)
}

/** The gaps of those that have just joined, in a stretch of one step. @returns how many of them are measured */
function keepResumed(backend: i32, batch: Batch): i32 {
  const list = listAt(resumed, backend)
  let measured = 0
  for (let i = 0; i < list.size; i++) {
    const request = list.data[i]
    if (request < measuredFrom) continue
    measured++
    keepGap(time[0] - lastTokenMs[request], 0, 1, 1)
  }
  list.size = 0
  batch.guests = listAt(arrived, backend).size
  return measured
}

function keepGap(baseMs: f64, slopeMs: f64, steps: f64, count: f64): void {
  let used = gapsUsed[0]
  if (used === GAP_NUMBERS) {
    flushGaps()
    used = 0
  }
  gaps[used] = baseMs
  gaps[used + 1] = slopeMs
  gaps[used + 2] = steps
  gaps[used + 3] = count
  gapsUsed[0] = used + 4
}

function finishDecodes(backend: i32, batch: Batch): void {
  for (;;) {
    const request = leaveFinished(backend)
    // Who is told of an end sees what those before it have computed, and not those after it.
    commitShared(backend, request < 0 ? i32.MAX_VALUE : admission[request])
    if (request < 0) return
    emittedTokens[request] = outputTokens[request]
    leaveBlocks(backend, request, tokensComputed(batch, request), false)
    left(backend)
    requestFinished(request, backend)
  }
}

function left(backend: i32): void {
  running[backend] = running[backend] - 1
  outstanding[backend] = outstanding[backend] - 1
}

function finishPrefills(backend: i32, batch: Batch, steps: i32): void {
  const count = batch.prefills
  batch.prefills = 0
  for (let i = 0; i < count; i++) {
    const request = prefillAt(batch, i)
    const computed = computedTokens[request] + prefillTokensAt(batch, i) * steps
    computedTokens[request] = computed
    commit(backend, request, computed)
    if (computed === knownTokens(request)) finishPrefill(backend, batch, request)
  }
}

function finishPrefill(backend: i32, batch: Batch, request: i32): void {
  const output = outputTokens[request]
  if (batch.chunked === request) batch.chunked = NONE
  if (emittedTokens[request] === 0)
    pendingPromptTokens[backend] = pendingPromptTokens[backend] - <f64>promptTokens[request]
  if (output > 0) emitAfterPrefill(backend, request)
  if (emittedTokens[request] === output) {
    release(backend, request, false)
    left(backend)
    requestFinished(request, backend)
  } else if (decodesOn[request] !== backend) {
    left(backend)
    prefillFinished(request)
  } else joinDecodes(backend, request)
}

function emitAfterPrefill(backend: i32, request: i32): void {
  const nowMs = time[0]
  const emitted = emittedTokens[request] + 1
  emittedTokens[request] = emitted
  if (emitted === 1) {
    firstTokenMs[request] = nowMs
    firstTokenProduced(request, backend)
  } else if (request >= measuredFrom) keepGap(nowMs - lastTokenMs[request], 0, 1, 1)
  lastTokenMs[request] = nowMs
}
