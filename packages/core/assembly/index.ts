import { beginBatches } from './batches'
import { awaitEntry, beginLoop, dueEvents, entryMs, nextMs } from './event-loop'
import { beginFleet, counters, gaps, gapsUsed, segment } from './fleet'
import { beginCache, evictions, freeBlocks, setCapacity } from './kv-cache'
import { evictable } from './lru-segments'
import { take } from './memory'
import { addSize, beginIndex, Holders, setSize } from './prefix-index'
import { beginQueues } from './queues'
import {
  admission,
  admittedMs,
  batchOf,
  beginState,
  cachedTokens,
  computedTokens,
  decodesOn,
  emittedTokens,
  endMs,
  finishStep,
  firstTokenMs,
  isHandedOver,
  isTransferring,
  lastTokenMs,
  outputTokens,
  outstanding,
  pendingPromptTokens,
  preemptions,
  promptTokens,
  running,
  sharesAnswer,
  time,
  waiting,
} from './state'
import { beginStretches } from './stretches'

/* What `native-run.ts` calls: first `begin`, then the sizes of blocks, then the backends, then `start`. */

export function begin(
  backends: i32,
  requests: i32,
  measuredFrom: i32,
  isCaching: bool,
  sizes: i32,
  depth: i32,
  wideFrom: i32,
  largestBatch: i32,
): void {
  beginState(backends, requests, measuredFrom)
  beginCache(backends, requests, isCaching)
  beginIndex(backends, requests, sizes, depth, wideFrom, promptTokens)
  beginQueues(backends, requests)
  beginFleet(largestBatch)
  beginLoop(requests)
}

/** Where one of the columns begins, by the numbers that `native-run.ts` has. */
export function column(number: i32): usize {
  switch (number) {
    case 0:
      return changetype<usize>(time)
    case 1:
      return changetype<usize>(endMs)
    case 2:
      return changetype<usize>(waiting)
    case 3:
      return changetype<usize>(running)
    case 4:
      return changetype<usize>(outstanding)
    case 5:
      return changetype<usize>(pendingPromptTokens)
    case 6:
      return changetype<usize>(promptTokens)
    case 7:
      return changetype<usize>(outputTokens)
    case 8:
      return changetype<usize>(emittedTokens)
    case 9:
      return changetype<usize>(computedTokens)
    case 10:
      return changetype<usize>(cachedTokens)
    case 11:
      return changetype<usize>(preemptions)
    case 12:
      return changetype<usize>(admission)
    case 13:
      return changetype<usize>(finishStep)
    case 14:
      return changetype<usize>(admittedMs)
    case 15:
      return changetype<usize>(firstTokenMs)
    case 16:
      return changetype<usize>(lastTokenMs)
    case 17:
      return changetype<usize>(sharesAnswer)
    case 18:
      return changetype<usize>(entryMs)
    case 19:
      return changetype<usize>(nextMs)
    case 20:
      return changetype<usize>(dueEvents)
    case 21:
      return changetype<usize>(gaps)
    case 22:
      return changetype<usize>(gapsUsed)
    case 23:
      return changetype<usize>(segment)
    case 24:
      return changetype<usize>(freeBlocks)
    case 25:
      return changetype<usize>(evictable)
    case 26:
      return changetype<usize>(evictions)
    case 27:
      return changetype<usize>(counters)
    case 28:
      return changetype<usize>(decodesOn)
    case 29:
      return changetype<usize>(isHandedOver)
    case 30:
      return changetype<usize>(isTransferring)
    default:
      return 0
  }
}

/** One more size of blocks. @returns where its four columns of the tree begin, a word for each, after five words */
export function blockSize(blockTokens: i32, nodes: i32): usize {
  return changetype<usize>(addSize(blockTokens, nodes))
}

/** Memory for a column of the host. */
export function memoryFor(bytes: usize): usize {
  return take(bytes)
}

let places: i32 = 0
let residues: i32 = 0

export function backend(
  id: i32,
  maxBatchTokens: i32,
  maxBatch: i32,
  places_: i32,
  isChunking: bool,
  countsShared: bool,
  blocks: i32,
  blockTokens: i32,
  holders: usize,
): void {
  const batch = batchOf(id)
  batch.maxBatchTokens = maxBatchTokens
  batch.maxBatch = maxBatch
  batch.isChunking = isChunking
  batch.countsShared = countsShared
  batch.blockTokens = blockTokens
  batch.firstPlace = places
  batch.firstResidue = residues
  places += places_
  residues += blockTokens
  setCapacity(id, blocks, blockTokens)
  setSize(id, changetype<Holders>(holders))
}

export function start(): void {
  beginBatches(places, residues)
  beginStretches(places)
  awaitEntry(0)
}

export {
  alarmChanged,
  alarmCleared,
  earliestMs,
  isMoving,
  run,
  settleLater,
  touch,
} from './event-loop'
export {
  accept,
  count,
  decodeAt,
  decodeCount,
  emittedNow,
  enqueue,
  enqueueHandedOver,
  releaseHandedOver,
  stepsDone,
  syncMatches,
  transferCompleted,
} from './fleet'
export { verifyCache } from './kv-cache'
export { match } from './prefix-index'
export { sync, syncSettled } from './stretches'
