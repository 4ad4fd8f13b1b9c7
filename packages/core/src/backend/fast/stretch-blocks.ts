import { instantStart } from '../../kernel/instant.js'
import { MOST_INT } from './backend-batch.js'
import { blocksNeeded } from './decode-batches.js'
import type { FleetState } from './fleet-state.js'
import { prefillAt, prefillTokensAt } from './step-plans.js'
import { endAfter } from './stretches.js'

/*
 * The KV blocks of the stretch under way on each backend: how many steps they last, and which of them are
 * allocated and committed so far. A stretch has decodes, and at most one prompt that is computed by the
 * chunk.
 */

/** A stretch begins; the blocks of its first `steps` steps are allocated, `decodeBlocks` for decodes. */
export function beginBlocks(
  { batches }: FleetState,
  backend: number,
  steps: number,
  decodeBlocks: number,
): void {
  const batch = batches[backend]!
  batch.allocatedSteps = steps
  batch.decodeBlocks = decodeBlocks
  batch.committedSteps = 0
}

/** The largest number of steps, at most `most`, for which there are blocks. */
export function stepsThatFit(state: FleetState, backend: number, most: number): number {
  const available = state.kv.available(backend)
  if (atMostNeeded(state, backend, most) <= available) return most
  if (neededAfterFirst(state, backend, most) <= available) return most
  let low = 1
  let high = most
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (neededAfterFirst(state, backend, middle) <= available) low = middle
    else high = middle
  }
  return low
}

/** Whether a stretch of so many steps changes what prompts find in the KV cache before it ends. */
export function changesMatches(state: FleetState, backend: number, steps: number): boolean {
  if (state.batches[backend]!.prefills > 0) return true
  return atMostNeeded(state, backend, steps) > state.kv.free(backend)
}

/** Allocates what the first k steps need, as far as it is not allocated yet. */
export function allocateSteps(state: FleetState, backend: number, k: number): void {
  const { batches, kv } = state
  const batch = batches[backend]!
  if (k <= batch.allocatedSteps) return
  const blocks = blocksNeeded(state, backend, k)
  const before = batch.decodeBlocks
  if (blocks > before) kv.take(backend, blocks - before)
  batch.decodeBlocks = blocks
  if (batch.prefills > 0) {
    kv.extend(backend, prefillAt(state, backend, 0), chunkEnd(state, backend, k))
  }
  batch.allocatedSteps = k
}

/** Says when the stretch that begins now changes what can be seen of the KV cache for the first time. */
export function announceNews(state: FleetState, backend: number): void {
  const batch = state.batches[backend]!
  const { allocatedSteps, steps } = batch
  announceNone(state, backend)
  if (steps === 1 && allocatedSteps > 0) return
  if (batch.prefills > 0) state.growing.add(backend)
  else if (changesMatches(state, backend, steps)) state.evicting.add(backend)
  if (allocatedSteps === 0) state.newsMs[backend] = 0
  else announceNext(state, backend, 1)
}

/** Says that nothing changes before the end of the first k steps. */
export function announceNext(state: FleetState, backend: number, k: number): void {
  state.newsMs[backend] = instantStart(endAfter(state, backend, k))
}

/** Says that a backend does nothing. */
export function announceNone({ newsMs, growing, evicting }: FleetState, backend: number): void {
  newsMs[backend] = Number.MAX_VALUE
  growing.remove(backend)
  evicting.remove(backend)
}

/** Commits what the first k steps have computed of the prompt. */
export function commitChunks(state: FleetState, backend: number, k: number): void {
  const { batches, kv } = state
  const batch = batches[backend]!
  if (k <= batch.committedSteps || batch.prefills === 0) return
  kv.commit(backend, prefillAt(state, backend, 0), chunkEnd(state, backend, k))
  batch.committedSteps = k
}

/** A bound on what k steps of decodes need, without looking at each of them. */
function atMostNeeded({ batches }: FleetState, backend: number, k: number): number {
  const batch = batches[backend]!
  if (batch.prefills > 0) return MOST_INT
  return batch.decodes * (((k / batch.blockTokens) | 0) + 1)
}

function neededAfterFirst(state: FleetState, backend: number, k: number): number {
  const batch = state.batches[backend]!
  const decodes = blocksNeeded(state, backend, k) - batch.decodeBlocks
  return batch.prefills === 0
    ? decodes
    : decodes + chunkBlocks(state, backend, k) - chunkBlocks(state, backend, 1)
}

function chunkBlocks(state: FleetState, backend: number, k: number): number {
  const blockTokens = state.batches[backend]!.blockTokens
  return ((chunkEnd(state, backend, k) + blockTokens - 1) / blockTokens) | 0
}

/** Tokens of the prompt that are computed after k steps. */
function chunkEnd(state: FleetState, backend: number, k: number): number {
  const computed = state.computedTokens[prefillAt(state, backend, 0)]!
  return computed + k * prefillTokensAt(state, backend, 0)
}
