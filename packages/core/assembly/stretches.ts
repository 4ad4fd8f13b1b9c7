import { blocksNeeded } from './batches'
import { available, commit, extend, freeBlocks, takeBlocks } from './kv-cache'
import { Ints, takeInts } from './memory'
import {
  Batch,
  batchOf,
  computedTokens,
  emittedTokens,
  endMs,
  evicting,
  growing,
  MOST_STEPS,
  newsMs,
  time,
} from './state'

/*
 * What the step under way on each backend computes, and the stretch of steps that it begins: step i (from 0)
 * lasts baseMs + i * slopeMs, so the first k of them last k * base + slope * k * (k - 1) / 2.
 */

/** Times that differ by less than this share are one instant. */
const SAME_INSTANT: f64 = 1e-11

/** By place: requests of which prompt tokens are computed, and how many in each step. */
let prefills: Ints = changetype<Ints>(0)
let prefillTokens: Ints = changetype<Ints>(0)

export function beginStretches(places: i32): void {
  prefills = takeInts(places)
  prefillTokens = takeInts(places)
}

export function instantEnd(startMs: f64): f64 {
  return startMs + startMs * SAME_INSTANT
}

function instantStart(end: f64): f64 {
  return end - end * SAME_INSTANT
}

function isEarlier(timeMs: f64, otherMs: f64): bool {
  return timeMs < instantStart(otherMs)
}

/** Begins a step with the decodes, which come first. */
export function beginPlan(batch: Batch): void {
  const decodes = batch.decodes
  batch.budget = batch.maxBatchTokens - decodes
  batch.prefills = 0
  batch.prefillTokens = 0
  batch.prefillRequests = 0
  batch.prefillPairs = 0
  batch.decodeRequests = decodes
  batch.decodeTokens = batch.contextTokens
}

/**
 * Adds prompt tokens after `computed` ones. One token of a request that has answered before, and is recomputed,
 * is a decode to the engine.
 */
export function planPrefill(batch: Batch, request: i32, computed: i32, tokens: i32): void {
  const count = batch.prefills
  const budget = batch.budget
  const place = batch.firstPlace + count
  prefills[place] = request
  prefillTokens[place] = tokens
  batch.prefills = count + 1
  batch.budget = tokens < budget ? budget - tokens : 0
  if (tokens === 1 && emittedTokens[request] > 0) {
    batch.decodeRequests += 1
    batch.decodeTokens += <f64>(computed + 1)
    return
  }
  const n = <f64>tokens
  batch.prefillRequests += 1
  batch.prefillTokens += n
  batch.prefillPairs += n * <f64>computed + (n * (n + 1)) / 2
}

export function prefillAt(batch: Batch, i: i32): i32 {
  return prefills[batch.firstPlace + i]
}

export function prefillTokensAt(batch: Batch, i: i32): i32 {
  return prefillTokens[batch.firstPlace + i]
}

/** When the first k steps of the stretch are over. */
export function endAfter(batch: Batch, k: i32): f64 {
  const n = <f64>k
  return batch.startMs + (n * batch.baseMs + batch.slopeMs * ((n * (n - 1)) / 2))
}

/** The smallest k >= 1 whose end is not earlier than now: the step under way, its end included. */
export function stepUnderWay(batch: Batch): i32 {
  const nowMs = time[0]
  const steps = batch.steps
  let k = min(max(1, estimate(batch, nowMs)), steps)
  while (k < steps && isEarlier(endAfter(batch, k), nowMs)) k++
  while (k > 1 && !isEarlier(endAfter(batch, k - 1), nowMs)) k--
  return k
}

/** The root of the quadratic in the form that does not cancel when the slope is small. */
function estimate(batch: Batch, nowMs: f64): i32 {
  const slopeMs = batch.slopeMs
  const elapsed = nowMs - batch.startMs
  const half = batch.baseMs - slopeMs / 2
  const root = Math.ceil((2 * elapsed) / (half + Math.sqrt(half * half + 2 * slopeMs * elapsed)))
  return root < <f64>MOST_STEPS && root > 0 ? <i32>root : 1
}

/** How many steps are over by now. Of steps that end in one instant those of lower backends are over first. */
export function stepsOver(backend: i32, underWay: i32): i32 {
  const isUnderWay = isEarlier(time[0], endAfter(batchOf(backend), underWay))
  return isUnderWay || <f64>backend > time[1] ? underWay - 1 : underWay
}

/** A stretch begins; the blocks of its first `steps` steps are allocated, `decodeBlocks` for decodes. */
export function beginBlocks(batch: Batch, steps: i32, decodeBlocks: i32): void {
  batch.allocatedSteps = steps
  batch.decodeBlocks = decodeBlocks
  batch.committedSteps = 0
}

/** The largest number of steps, at most `most`, for which there are blocks. */
export function stepsThatFit(backend: i32, most: i32): i32 {
  const batch = batchOf(backend)
  const there = <i64>available(backend)
  if (batch.prefills === 0 && atMostNeeded(batch, most) <= there) return most
  if (neededAfterFirst(batch, most) <= there) return most
  let low = 1
  let high = most
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (neededAfterFirst(batch, middle) <= there) low = middle
    else high = middle
  }
  return low
}

/** A bound on what k steps of decodes need, without looking at each of them. */
function atMostNeeded(batch: Batch, k: i32): i64 {
  return <i64>batch.decodes * <i64>(k / batch.blockTokens + 1)
}

function neededAfterFirst(batch: Batch, k: i32): i64 {
  const decodes = blocksNeeded(batch, k) - <i64>batch.decodeBlocks
  if (batch.prefills === 0) return decodes
  return decodes + <i64>(chunkBlocks(batch, k) - chunkBlocks(batch, 1))
}

function chunkBlocks(batch: Batch, k: i32): i32 {
  return (chunkEnd(batch, k) + batch.blockTokens - 1) / batch.blockTokens
}

/** Tokens of the prompt that are computed after k steps. */
function chunkEnd(batch: Batch, k: i32): i32 {
  return computedTokens[prefillAt(batch, 0)] + k * prefillTokensAt(batch, 0)
}

/** Allocates what the first k steps need, as far as it is not allocated yet. */
export function allocateSteps(backend: i32, k: i32): void {
  const batch = batchOf(backend)
  if (k <= batch.allocatedSteps) return
  const blocks = <i32>blocksNeeded(batch, k)
  const before = batch.decodeBlocks
  if (blocks > before) takeBlocks(backend, blocks - before)
  batch.decodeBlocks = blocks
  if (batch.prefills > 0) extend(backend, prefillAt(batch, 0), chunkEnd(batch, k))
  batch.allocatedSteps = k
}

/** Says when the stretch that begins now changes what can be seen of the KV cache for the first time. */
export function announceNews(backend: i32): void {
  const batch = batchOf(backend)
  const allocated = batch.allocatedSteps
  const steps = batch.steps
  announceNone(backend)
  if (steps === 1 && allocated > 0) return
  if (batch.prefills > 0) growing.add(backend)
  else if (atMostNeeded(batch, steps) > <i64>freeBlocks[backend]) evicting.add(backend)
  if (allocated === 0) newsMs[backend] = 0
  else announceNext(backend, 1)
}

/** Says that nothing changes before the end of the first k steps. */
function announceNext(backend: i32, k: i32): void {
  newsMs[backend] = instantStart(endAfter(batchOf(backend), k))
}

/** Says that a backend does nothing. */
export function announceNone(backend: i32): void {
  newsMs[backend] = f64.MAX_VALUE
  growing.remove(backend)
  evicting.remove(backend)
}

/** Brings what others can see of the KV cache of a backend up to now. */
export function sync(backend: i32): void {
  const nowMs = time[0]
  const batch = batchOf(backend)
  // Until the step under way ends, or again at the same instant, there is nothing new.
  if (nowMs < newsMs[backend] || nowMs === batch.lastSyncMs) return
  // While others end their steps of this instant, its own are not over.
  batch.lastSyncMs = <f64>backend > time[1] ? NaN : nowMs
  const started = stepUnderWay(batch)
  announceNext(backend, started)
  allocateSteps(backend, started)
  commitChunks(backend, stepsOver(backend, started))
}

/** The same once everything of this instant is done: a step that begins in it has begun. */
export function syncSettled(backend: i32): void {
  if (endMs[backend] === Infinity) return
  const batch = batchOf(backend)
  const over = stepsOver(backend, stepUnderWay(batch))
  allocateSteps(backend, min(over + 1, batch.steps))
}

/** Commits what the first k steps have computed of the prompt. */
function commitChunks(backend: i32, k: i32): void {
  const batch = batchOf(backend)
  if (k <= batch.committedSteps || batch.prefills === 0) return
  commit(backend, prefillAt(batch, 0), chunkEnd(batch, k))
  batch.committedSteps = k
}
