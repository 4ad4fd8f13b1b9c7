import type { SharedReads } from '../shared-reads.js'
import { MOST_STEPS } from './backend-batch.js'
import { changeGrowth, growthOver, stepsToCompletion } from './block-growth.js'
import {
  admissionAt,
  firstFinish,
  pushFinish,
  removeFinish,
  requestAt,
  shiftFinishes,
} from './finish-heap.js'
import type { FleetState } from './fleet-state.js'

/*
 * The decoding requests of each backend, in sums: when the first of them finishes, how much context they
 * have, which blocks they will need. All of it is kept up over any number of steps in O(1), and changes
 * in O(log batch) when a request joins or leaves.
 */

/** What the functions here read and write. */
export type DecodeState = Pick<
  FleetState,
  | 'batches'
  | 'heap'
  | 'growth'
  | 'sharingGrowth'
  | 'sharing'
  | 'requests'
  | 'promptTokens'
  | 'outputTokens'
  | 'promptNode'
  | 'emittedTokens'
  | 'admission'
  | 'finishStep'
  | 'measuredFrom'
> & { readonly reads: Pick<SharedReads, 'join' | 'leave'> }

/** Steps until the first request finishes; there must be one. */
export function stepsToFinish({ batches, heap }: DecodeState, backend: number): number {
  const batch = batches[backend]!
  return firstFinish(heap, batch.firstPlace) - batch.counter
}

/** Steps until a request completes a block of an answer that later prompts repeat. */
export function stepsToSharedBlock(
  { batches, sharingGrowth }: DecodeState,
  backend: number,
): number {
  const batch = batches[backend]!
  const first = batch.firstResidue
  return stepsToCompletion(sharingGrowth, first, batch.blockTokens, batch.counter)
}

/** KV blocks that the next k steps need. */
export function blocksNeeded({ batches, growth }: DecodeState, backend: number, k: number): number {
  const batch = batches[backend]!
  const decodes = batch.decodes
  if (decodes === 0) return 0
  const first = batch.firstResidue
  return growthOver(growth, first, batch.blockTokens, decodes, batch.counter, k)
}

/** Every request gets k tokens. */
export function advanceDecodes({ batches }: DecodeState, backend: number, k: number): void {
  const batch = batches[backend]!
  batch.counter += k
  batch.contextTokens += batch.decodes * k
}

/** A request joins; `emittedTokens` keeps what it had emitted by then. */
export function joinDecodes(
  state: DecodeState,
  backend: number,
  request: number,
  mostSteps: number = MOST_STEPS,
): void {
  const batch = state.batches[backend]!
  if (batch.counter >= mostSteps) countAnew(state, backend)
  const counter = batch.counter
  const emitted = state.emittedTokens[request]!
  const computed = state.promptTokens[request]! + emitted - 1
  const finish = counter + state.outputTokens[request]! - emitted
  const size = batch.decodes
  state.finishStep[request] = finish
  batch.decodes = size + 1
  batch.contextTokens += computed + 1
  batch.sharedTokens += state.reads.join(backend, request)
  if (request >= state.measuredFrom) batch.measured += 1
  const first = batch.firstPlace
  pushFinish(state.heap, first, size, finish, state.admission[request]!, request)
  const firstResidue = batch.firstResidue
  const blockTokens = batch.blockTokens
  changeGrowth(state.growth, firstResidue, blockTokens, computed, counter, 1)
  if (sharesAnswer(state, request)) {
    batch.sharing = state.sharing[backend]!.push(request)
    changeGrowth(state.sharingGrowth, firstResidue, blockTokens, computed, counter, 1)
  }
}

/** Takes out the next request that has finished, in order of admission. @returns -1 when none has */
export function leaveFinished(state: DecodeState, backend: number): number {
  const batch = state.batches[backend]!
  if (batch.decodes === 0) return -1
  if (firstFinish(state.heap, batch.firstPlace) !== batch.counter) return -1
  return leave(state, backend, 0)
}

/** Takes out the request admitted last. @returns that request */
export function leaveNewest(state: DecodeState, backend: number): number {
  const { heap, batches } = state
  const first = batches[backend]!.firstPlace
  let newest = 0
  for (let i = 1; i < batches[backend]!.decodes; i++) {
    if (admissionAt(heap, first, i) > admissionAt(heap, first, newest)) newest = i
  }
  return leave(state, backend, newest)
}

/** Takes out the i-th request, in no particular order. @returns that request */
export function leaveAt(state: DecodeState, backend: number, i: number): number {
  return leave(state, backend, i)
}

/** All requests of a backend, oldest first. */
export function inOrderOfAdmission(state: DecodeState, backend: number): number[] {
  const { admission, heap, batches } = state
  const first = batches[backend]!.firstPlace
  const length = batches[backend]!.decodes
  const order = Array.from({ length }, (_, i) => requestAt(heap, first, i))
  return order.sort((a, b) => admission[a]! - admission[b]!)
}

/** Tokens of a request whose KV is computed; right for one that has just left, too. */
export function tokensComputed(state: DecodeState, backend: number, request: number): number {
  const atEnd = state.promptTokens[request]! + state.outputTokens[request]! - 1
  return atEnd - (Math.abs(state.finishStep[request]!) - state.batches[backend]!.counter)
}

/** Whether a request decodes, on whatever backend. */
export function isDecoding(
  { finishStep }: Pick<DecodeState, 'finishStep'>,
  request: number,
): boolean {
  return finishStep[request]! > 0
}

function leave(state: DecodeState, backend: number, i: number): number {
  const batch = state.batches[backend]!
  const first = batch.firstPlace
  const size = batch.decodes
  const counter = batch.counter
  const request = requestAt(state.heap, first, i)
  const computed = tokensComputed(state, backend, request)
  state.finishStep[request] = -state.finishStep[request]!
  batch.decodes = size - 1
  batch.contextTokens -= computed + 1
  batch.sharedTokens -= state.reads.leave(backend, request)
  if (request >= state.measuredFrom) batch.measured -= 1
  removeFinish(state.heap, first, size, i)
  const firstResidue = batch.firstResidue
  const blockTokens = batch.blockTokens
  changeGrowth(state.growth, firstResidue, blockTokens, computed, counter, -1)
  if (batch.sharing > 0 && sharesAnswer(state, request)) {
    const sharing = state.sharing[backend]!
    sharing.splice(sharing.indexOf(request), 1)
    batch.sharing = sharing.length
    changeGrowth(state.sharingGrowth, firstResidue, blockTokens, computed, counter, -1)
  }
  return request
}

function sharesAnswer(
  { promptNode, promptTokens, requests }: DecodeState,
  request: number,
): boolean {
  const node = promptNode[request]!
  return node >= 0 && requests.prompts.endTokens[node]! > promptTokens[request]!
}

/** Counts steps from near 0 again; residues of block growth stay what they are. */
function countAnew({ batches, heap, finishStep }: DecodeState, backend: number): void {
  const batch = batches[backend]!
  const first = batch.firstPlace
  const size = batch.decodes
  const counter = batch.counter
  const steps = counter - (counter % batch.blockTokens)
  batch.counter = counter - steps
  shiftFinishes(heap, first, size, steps)
  for (let i = 0; i < size; i++) {
    const request = requestAt(heap, first, i)
    finishStep[request] = finishStep[request]! - steps
  }
}
