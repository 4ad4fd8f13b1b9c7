import type { BackendRole, RunResult } from '@routesim/core'
import type { Saturation } from '../saturation/saturation.js'
import type { SloReport, TenantReport } from '../slo/slo-report.js'
import type { Distribution } from '../statistics/distribution.js'
import type { BackendCacheStatistics } from './cache-statistics.js'
import type { KvTierStatistics } from './tier-statistics.js'

/** What one backend did in the measured part of a run. */
export interface BackendSummary {
  readonly id: number
  readonly role: BackendRole
  /** Measured requests sent there. */
  readonly requests: number
  /** Share of the measured part of the run spent in engine steps. */
  readonly busy_fraction: number | null
  /** Time-averaged numbers of requests. */
  readonly mean_waiting: number | null
  readonly mean_running: number | null
  readonly steps: number
  /** Prompt tokens computed, recomputation included. */
  readonly prefill_tokens: number
  /** Output tokens computed in decode steps. */
  readonly decode_tokens: number
  readonly preemptions: number
}

/**
 * The result of a run as a plain object for JSON. Names end in their unit or have none; all latencies
 * are in ms. Everything about requests is over the measured ones: all but the first
 * `warmup_requests` in order of arrival. What can not be computed is null.
 */
export interface RunSummary {
  readonly algorithm: string
  /** What the router was allowed to see. */
  readonly visibility: RunResult['visibility']
  readonly seed: number
  /** False when the run was stopped before every request had ended. */
  readonly complete: boolean
  /**
   * From the arrival of the first measured request until the last one has ended, whichever way: what timed out or
   * was rejected took its time, too.
   */
  readonly duration_ms: number
  readonly warmup_requests: number
  /** Measured requests: the sum of the six counts that follow. */
  readonly total_requests: number
  readonly completed_requests: number
  readonly rejected_requests: number
  /** Their backend failed or was not there, and they were not, or could not be, sent again. */
  readonly failed_requests: number
  /** Called off because the client would wait no longer. */
  readonly timed_out_requests: number
  /**
   * Never sent, as a request that had to be completed before them was not: they have not come, and say nothing of
   * the router, of load or of targets.
   */
  readonly unsent_requests: number
  readonly unfinished_requests: number
  readonly rejected_by_reason: Readonly<Record<string, number>>
  readonly failed_by_reason: Readonly<Record<string, number>>
  /** Times a request was sent again after its backend had failed or was not there. */
  readonly retries: number
  /** Whether the fleet kept up with its traffic. */
  readonly saturation: Saturation
  /** How requests fared against their targets; absent without targets. */
  readonly slo?: SloReport
  /** How tenants were served; absent when no request names one. */
  readonly tenants?: TenantReport

  /** Time to first token: arrival to first output token, of requests that have one. */
  readonly ttft: Distribution
  /** The same of completed requests, as clients report it that leave out requests that ended in an error. */
  readonly ttft_of_completed: Distribution
  /** Time between tokens (TBT, the same as inter-token latency, ITL): all gaps of all requests. */
  readonly tbt: Distribution
  /** Mean time per output token after the first, of completed requests with at least two. */
  readonly tpot: Distribution
  /** Arrival to last output token, of completed requests. */
  readonly end_to_end_latency: Distribution
  /** Arrival to the first step that worked on the request, of admitted requests. */
  readonly queue_wait: Distribution

  /** Rates of completed requests and their tokens, over `duration_ms`. */
  readonly requests_per_sec: number | null
  readonly prompt_tokens_per_sec: number | null
  readonly gen_tokens_per_sec: number | null
  readonly total_tokens_per_sec: number | null

  /** Share of admitted requests that found any of their prompt cached: `request_hit_rate`. */
  readonly global_cache_hit_rate: number | null
  /** The same number under the name that says what it counts. */
  readonly request_hit_rate: number | null
  /** Cached prompt tokens over prompt tokens, of admitted requests. */
  readonly token_hit_rate: number | null
  /**
   * Prompt tokens loaded from tiers below the KV cache over prompt tokens, of admitted requests; and what
   * was loaded from each tier. Absent when no backend has any.
   */
  readonly loaded_token_rate?: number | null
  readonly kv_tiers?: Readonly<Record<string, KvTierStatistics>>
  /** LoRA adapters brought to GPUs; absent when no backend has slots for them. */
  readonly adapter_loads?: number
  /** Cached share of a prompt's shareable content, averaged over admitted requests that have some. */
  readonly block_cache_reuse_rate: number | null
  readonly per_backend_cache_stats: readonly BackendCacheStatistics[]
  /** Cached KV blocks given up for others. */
  readonly evictions: number
  /** Times a measured request lost its KV cache and was recomputed. */
  readonly preemptions: number

  /** Population standard deviation over mean of the backends' loads, each relative to its pool's mean. */
  readonly load_cv: number | null
  /** Jain's index of the same loads, 1 when even. */
  readonly jains_fairness_index: number | null
  /**
   * Largest over smallest time-averaged number of waiting and running requests, in the pool where
   * it is largest; null when the smallest is 0, and 1 when all are.
   */
  readonly max_min_queue_ratio: number | null
  /** Measured requests; a disaggregated one counts on both of its backends, a moved one where it was last. */
  readonly per_backend_requests: readonly number[]
  readonly per_backend: readonly BackendSummary[]

  /** Time that GPUs spent in engine steps of their backends, in seconds per completed request. */
  readonly gpu_seconds_per_request: number | null
  /** The same with idle time: GPUs times the time that their backends were there. */
  readonly fleet_gpu_seconds_per_request: number | null
  /** USD per 1000 prompt and output tokens of completed requests, the whole fleet paid, idle or not. */
  readonly estimated_cost_per_1k_tokens: number | null
  /** USD per 1000 tokens if only time in engine steps were paid. */
  readonly busy_cost_per_1k_tokens: number | null

  /** What the algorithm reported about itself. */
  readonly custom_metrics: Readonly<Record<string, number | null>>
}
