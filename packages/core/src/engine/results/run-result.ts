import type { RequestTable } from '../../requests/request-table.js'
import type { BackendRole } from '../../routing/cluster-view.js'

/** How a request ended. Every request of a finished run is in exactly one of these states. */
export const OUTCOME = {
  /** Not ended: only in a run that was stopped early. */
  unfinished: 0,
  completed: 1,
  rejected: 2,
  /** Its backend failed, and it was not, or could not be, sent again; or nobody took it to decode. */
  failed: 3,
  /** It took longer than its client was ready to wait. */
  timed_out: 4,
  /** Never sent: a request that had to be completed before it was not. */
  unsent: 5,
} as const

/** What became of each request: one value per row of the request table. Times are virtual ms. */
export interface RequestOutcomes {
  /** One of {@link OUTCOME}. */
  readonly outcome: Uint8Array
  /** Backend that produced the last token, or would have; -1 when no backend took the request, or none to decode. */
  readonly backend: Int32Array
  /** Backend that computed the prompt; the same as `backend` unless the request was disaggregated. */
  readonly prefillBackend: Int32Array
  /** Start of the first step that worked on the request; NaN if there was none. */
  readonly admittedMs: Float64Array
  /** First output token; NaN if there was none. */
  readonly firstTokenMs: Float64Array
  /**
   * Last output token, or the end of the prefill if none was asked for; when a failed one or one that timed
   * out was given up; NaN for others.
   */
  readonly finishedMs: Float64Array
  /** Prompt tokens found in the KV cache when the request was first admitted. */
  readonly cachedTokens: Int32Array
  /** Prompt tokens loaded from lower tiers beside them; absent when no backend has such tiers. */
  readonly loadedTokens?: Int32Array
  /**
   * When the KV cache of a computed prompt, or what had not been sent ahead of it, set out for the backend that
   * decodes, which had room for it by then, and when it arrived; NaN if it was not sent. Absent in a run without a pool that decodes.
   */
  readonly transferStartMs?: Float64Array
  readonly transferEndMs?: Float64Array
  /** Times the request lost its KV cache and was recomputed. */
  readonly preemptions: Int32Array
  /** Times it came back from a backend that failed or was not there, to be sent again. */
  readonly attempts: Uint8Array
  /** Index into {@link RunResult.rejectReasons}, -1 unless rejected, failed, timed out or never sent. */
  readonly rejectReason: Int32Array
}

/** What one backend has loaded from a lower tier of its KV cache. */
export interface KvTierTotals {
  readonly name: string
  /** Loads that blocks of this tier were part of. */
  readonly loads: number
  readonly loadedTokens: number
  /** Time in which the link of the tier was busy, in ms. */
  readonly loadMs: number
  /** Blocks: all, and those in use at the end. */
  readonly totalBlocks: number
  readonly usedBlocks: number
}

/** What one backend did during the measured part of a run, that is after the warm-up. */
export interface BackendTotals {
  readonly id: number
  readonly role: BackendRole
  /** The model that requests name it by; absent when it takes any. */
  readonly model?: string
  /** Time spent in engine steps, in ms. */
  readonly busyMs: number
  readonly steps: number
  /** Prompt tokens computed, recomputation included. */
  readonly prefillTokens: number
  /** Output tokens computed in decode steps. */
  readonly decodeTokens: number
  /** Cached KV blocks given up for others. */
  readonly evictions: number
  /** Running requests put back to the queue for lack of KV blocks. */
  readonly preemptions: number
  /** Integral of the number of waiting requests over time, in request·ms. */
  readonly waitingRequestMs: number
  /** Integral of the number of running requests over time, in request·ms. */
  readonly runningRequestMs: number
  /** KV blocks: all, and as they were at the end. */
  readonly totalBlocks: number
  readonly heldBlocks: number
  readonly cachedBlocks: number
  /** LoRA adapters brought to the GPUs; absent when it has no slots for them. */
  readonly adapterLoads?: number
  /** Its lower tiers, the nearest first; absent when it has none. */
  readonly tiers?: readonly KvTierTotals[]
}

/** What a run leaves behind beside its requests. */
export interface RunTotals {
  /** Name of the routing algorithm. */
  readonly router: string
  /** What the router was allowed to see, by the name of the scenario's visibility. */
  readonly visibility: string
  readonly seed: number
  /** Requests in all. */
  readonly requestCount: number
  /** Reasons that {@link RequestOutcomes.rejectReason} points to. */
  readonly rejectReasons: readonly string[]
  /** Leading rows, in order of arrival, that only warm the cluster up. */
  readonly warmupRequests: number
  /** Arrival of the first measured request; where the measured part of the run begins. */
  readonly measuredFromMs: number
  /** When the last request ended. */
  readonly endMs: number
  /** False when the run was stopped before every request had ended. */
  readonly complete: boolean
  readonly backends: readonly BackendTotals[]
  /** What the algorithm reported about itself. */
  readonly customMetrics: Readonly<Record<string, number>>
}

/** Everything a run leaves behind. */
export interface RunResult extends RunTotals {
  readonly requests: RequestTable
  /**
   * When the client sent each request, in ms: its arrival, or later when `maxInFlight` or its predecessor held
   * it back. Latencies count from here.
   */
  readonly sentMs: Float64Array
  readonly outcomes: RequestOutcomes
}
