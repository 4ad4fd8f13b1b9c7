import type { BackendSpec } from '../engine/simulation-options.js'
import type { RequestTable } from '../requests/request-table.js'

/**
 * Whether a step holds decodes and prompt chunks together, decodes first (vLLM V1), or whether prompts
 * come first and have steps to themselves while decodes wait (SGLang without mixed chunks).
 */
export type BatchingPolicy = 'mixed' | 'prefill_first'

/**
 * What happens when a running request needs a KV block and none is left. `recompute_newest`: the request
 * admitted last goes back to the queue and is computed again (vLLM V1). `retract_shortest`: the same with
 * the one that has the fewest output tokens, the longest prompt among equals (SGLang). `swap`: the newest
 * moves to host memory and back (vLLM V0). `evict_all`: every running request goes back to the queue.
 * `reserve_all`: it can not happen, blocks for the whole declared output are set aside at admission
 * (TensorRT-LLM's GUARANTEED_NO_EVICT; its MAX_UTILIZATION is `recompute_newest`).
 */
export type PreemptionMode =
  | 'recompute_newest'
  | 'retract_shortest'
  | 'swap'
  | 'evict_all'
  | 'reserve_all'

/** Whether the ranks of a backend start their steps together; there must be several. */
export function isLockstep({ dp = 1, lockstep = false }: BackendSpec): boolean {
  return dp > 1 && lockstep
}

/** Whether the newest request loses its blocks unless a local policy says otherwise. */
export function preemptsNewest({ preemption = 'recompute_newest' }: BackendSpec): boolean {
  return preemption === 'recompute_newest' || preemption === 'swap'
}

/** Share of the declared output for which a backend sets KV blocks aside when it admits a request. */
export function reservedShare({ preemption, reservedOutputShare = 0 }: BackendSpec): number {
  return preemption === 'reserve_all' ? 1 : reservedOutputShare
}

/** Tokens of a prompt and its declared output that a backend takes at most. */
export function lengthLimit({ maxModelLen = Number.POSITIVE_INFINITY }: BackendSpec): number {
  return maxModelLen
}

/**
 * Tokens of a request whose KV a backend sets aside: its prompt and a share of the output it may have.
 * The KV of the last output token is never needed. A client that declares nothing, or less than it gets, is
 * taken to have declared what it gets.
 */
export function reservedTokens(requests: RequestTable, request: number, share: number): number {
  const limit = Math.max(requests.maxTokens[request]!, requests.outputTokens[request]!)
  return requests.promptTokens[request]! + Math.max(1, Math.ceil(share * limit)) - 1
}
