import { changeGrowth, growthOver, stepsToCompletion } from './block-growth.js'
import {
  admissionAt,
  firstFinish,
  pushFinish,
  removeFinish,
  requestAt,
  shiftFinishes,
} from './finish-heap.js'
import {
  BLOCK_TOKENS,
  CONTEXT_TOKENS,
  COUNTER,
  DECODES,
  FIRST_PLACE,
  FIRST_RESIDUE,
  FLOATS,
  type FleetState,
  INTS,
  MEASURED,
  MOST_STEPS,
  SHARED_TOKENS,
  SHARING,
} from './fleet-state.js'
import type { SharedReads } from './shared-reads.js'

/*
 * The decoding requests of each backend, in sums: when the first of them finishes, how much context they
 * have, which blocks they will need. All of it is kept up over any number of steps in O(1), and changes
 * in O(log batch) when a request joins or leaves.
 */

/** What the functions here read and write. */
export type DecodeState = Pick<
  FleetState,
  | 'ints'
  | 'floats'
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
  | 'isDecoding'
  | 'measuredFrom'
> & { readonly reads: Pick<SharedReads, 'join' | 'leave'> }

/** Steps until the first request finishes; there must be one. */
export function stepsToFinish({ ints, heap }: DecodeState, backend: number): number {
  const n = backend * INTS
  return firstFinish(heap, ints[n + FIRST_PLACE]!) - ints[n + COUNTER]!
}

/** Steps until a request completes a block of an answer that later prompts repeat. */
export function stepsToSharedBlock({ ints, sharingGrowth }: DecodeState, backend: number): number {
  const n = backend * INTS
  const first = ints[n + FIRST_RESIDUE]!
  return stepsToCompletion(sharingGrowth, first, ints[n + BLOCK_TOKENS]!, ints[n + COUNTER]!)
}

/** KV blocks that the next k steps need. */
export function blocksNeeded({ ints, growth }: DecodeState, backend: number, k: number): number {
  const n = backend * INTS
  const decodes = ints[n + DECODES]!
  if (decodes === 0) return 0
  const first = ints[n + FIRST_RESIDUE]!
  return growthOver(growth, first, ints[n + BLOCK_TOKENS]!, decodes, ints[n + COUNTER]!, k)
}

/** Every request gets k tokens. */
export function advanceDecodes({ ints, floats }: DecodeState, backend: number, k: number): void {
  const n = backend * INTS
  ints[n + COUNTER] = ints[n + COUNTER]! + k
  const context = backend * FLOATS + CONTEXT_TOKENS
  floats[context] = floats[context]! + ints[n + DECODES]! * k
}

/** A request joins; `emittedTokens` keeps what it had emitted by then. */
export function joinDecodes(
  state: DecodeState,
  backend: number,
  request: number,
  mostSteps: number = MOST_STEPS,
): void {
  const { ints, floats } = state
  const n = backend * INTS
  if (ints[n + COUNTER]! >= mostSteps) countAnew(state, backend)
  const counter = ints[n + COUNTER]!
  const emitted = state.emittedTokens[request]!
  const computed = state.promptTokens[request]! + emitted - 1
  const finish = counter + state.outputTokens[request]! - emitted
  const size = ints[n + DECODES]!
  state.finishStep[request] = finish
  state.isDecoding[request] = 1
  ints[n + DECODES] = size + 1
  const context = backend * FLOATS + CONTEXT_TOKENS
  floats[context] = floats[context]! + computed + 1
  const shared = backend * FLOATS + SHARED_TOKENS
  floats[shared] = floats[shared]! + state.reads.join(backend, request)
  if (request >= state.measuredFrom) ints[n + MEASURED] = ints[n + MEASURED]! + 1
  const first = ints[n + FIRST_PLACE]!
  pushFinish(state.heap, first, size, finish, state.admission[request]!, request)
  const firstResidue = ints[n + FIRST_RESIDUE]!
  const blockTokens = ints[n + BLOCK_TOKENS]!
  changeGrowth(state.growth, firstResidue, blockTokens, computed, counter, 1)
  if (sharesAnswer(state, request)) {
    ints[n + SHARING] = state.sharing[backend]!.push(request)
    changeGrowth(state.sharingGrowth, firstResidue, blockTokens, computed, counter, 1)
  }
}

/** Takes out the next request that has finished, in order of admission. @returns -1 when none has */
export function leaveFinished(state: DecodeState, backend: number): number {
  const { ints } = state
  const n = backend * INTS
  if (ints[n + DECODES] === 0) return -1
  if (firstFinish(state.heap, ints[n + FIRST_PLACE]!) !== ints[n + COUNTER]) return -1
  return leave(state, backend, 0)
}

/** Takes out the request admitted last. @returns that request */
export function leaveNewest(state: DecodeState, backend: number): number {
  const { heap, ints } = state
  const first = ints[backend * INTS + FIRST_PLACE]!
  let newest = 0
  for (let i = 1; i < ints[backend * INTS + DECODES]!; i++) {
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
  const { admission, heap, ints } = state
  const first = ints[backend * INTS + FIRST_PLACE]!
  const length = ints[backend * INTS + DECODES]!
  const order = Array.from({ length }, (_, i) => requestAt(heap, first, i))
  return order.sort((a, b) => admission[a]! - admission[b]!)
}

/** Tokens of a request whose KV is computed; right for one that has just left, too. */
export function tokensComputed(state: DecodeState, backend: number, request: number): number {
  const atEnd = state.promptTokens[request]! + state.outputTokens[request]! - 1
  return atEnd - (state.finishStep[request]! - state.ints[backend * INTS + COUNTER]!)
}

function leave(state: DecodeState, backend: number, i: number): number {
  const { ints, floats } = state
  const n = backend * INTS
  const first = ints[n + FIRST_PLACE]!
  const size = ints[n + DECODES]!
  const counter = ints[n + COUNTER]!
  const request = requestAt(state.heap, first, i)
  const computed = tokensComputed(state, backend, request)
  state.isDecoding[request] = 0
  ints[n + DECODES] = size - 1
  const context = backend * FLOATS + CONTEXT_TOKENS
  floats[context] = floats[context]! - (computed + 1)
  const shared = backend * FLOATS + SHARED_TOKENS
  floats[shared] = floats[shared]! - state.reads.leave(backend, request)
  if (request >= state.measuredFrom) ints[n + MEASURED] = ints[n + MEASURED]! - 1
  removeFinish(state.heap, first, size, i)
  const firstResidue = ints[n + FIRST_RESIDUE]!
  const blockTokens = ints[n + BLOCK_TOKENS]!
  changeGrowth(state.growth, firstResidue, blockTokens, computed, counter, -1)
  if (ints[n + SHARING]! > 0 && sharesAnswer(state, request)) {
    const sharing = state.sharing[backend]!
    sharing.splice(sharing.indexOf(request), 1)
    ints[n + SHARING] = sharing.length
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
function countAnew({ ints, heap, finishStep }: DecodeState, backend: number): void {
  const n = backend * INTS
  const first = ints[n + FIRST_PLACE]!
  const size = ints[n + DECODES]!
  const counter = ints[n + COUNTER]!
  const steps = counter - (counter % ints[n + BLOCK_TOKENS]!)
  ints[n + COUNTER] = counter - steps
  shiftFinishes(heap, first, size, steps)
  for (let i = 0; i < size; i++) {
    const request = requestAt(heap, first, i)
    finishStep[request] = finishStep[request]! - steps
  }
}
