import { beginBatches } from './batches'
import { awaitEntry, beginLoop } from './event-loop'
import { beginFleet } from './fleet'
import { beginCache, setCapacity } from './kv-cache'
import { take } from './memory'
import { addSize, beginIndex, Holders, setSize } from './prefix-index'
import { beginQueues } from './queues'
import { beginRanks, isRanked } from './ranked-queues'
import { batchOf, beginState, promptTokens } from './state'
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
  beginRanks()
  beginFleet(largestBatch)
  beginLoop(requests)
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
  hasRanks: bool,
  blocks: i32,
  blockTokens: i32,
  holders: usize,
): void {
  const batch = batchOf(id)
  batch.maxBatchTokens = maxBatchTokens
  batch.maxBatch = maxBatch
  batch.isChunking = isChunking
  batch.countsShared = countsShared
  isRanked[id] = hasRanks ? 1 : 0
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

// Columns: where each begins.
// Calls.
export {
  alarmChanged,
  alarmCleared,
  dueEvents,
  earliestMs,
  entryMs,
  isMoving,
  nextMs,
  run,
  settleLater,
  touch,
} from './event-loop'
export {
  accept,
  count,
  counters,
  decodeAt,
  decodeCount,
  emittedNow,
  enqueue,
  enqueueHandedOver,
  gaps,
  gapsUsed,
  releaseHandedOver,
  segment,
  syncMatches,
  transferCompleted,
} from './fleet'
export { evictions, freeBlocks, verifyCache } from './kv-cache'
export { evictable } from './lru-segments'
export { match } from './prefix-index'
export {
  admission,
  admittedMs,
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
export { sync, syncSettled } from './stretches'
