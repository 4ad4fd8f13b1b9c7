import {
  type BackendEvent,
  type BackendTotals,
  RouteSimError,
  type RunTotals,
} from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
import type { LogHistogram } from '../histogram/log-histogram.js'
import type { FlowBins } from '../saturation/flow-bins.js'
import { saturation } from '../saturation/saturation.js'
import type { SloCounter } from '../slo/slo-counter.js'
import type { SloOptions } from '../slo/slo-options.js'
import { type Distribution, distributionOfHistogram } from '../statistics/distribution.js'
import { orNull } from '../statistics/or-null.js'
import type { CacheCounts } from './cache-statistics.js'
import { fleetCost } from './cost.js'
import { loadBalance } from './load-balance.js'
import type { RequestCounts } from './request-counts.js'
import type { BackendSummary, RunSummary } from './run-summary.js'
import { adapterLoads, tierStatistics } from './tier-statistics.js'

/** What a summary needs to know beside the run. */
export interface SummaryOptions {
  /** USD per hour of each backend, by id. */
  readonly pricePerHour: readonly number[]
  /** GPUs of each backend, by id; one each when absent. */
  readonly gpuCounts?: readonly number[]
  /** What happened to backends: one is paid from when it is added until it is removed and idle. */
  readonly events?: readonly BackendEvent[] | undefined
  /** Targets to count requests against; none by default. */
  readonly slo?: SloOptions | undefined
}

/** What is known of the measured requests of a run; times are in ms. */
export interface MeasuredRequests {
  readonly counts: RequestCounts
  readonly flow: FlowBins
  /** Absent when there is neither a target nor a tenant. */
  readonly slo: SloCounter | undefined
  readonly cache: CacheCounts
  /** Inter-token gaps. */
  readonly gaps: LogHistogram
  readonly ttft: Distribution
  readonly completedTtft: Distribution
  readonly tpot: Distribution
  readonly e2e: Distribution
  readonly queueWait: Distribution
}

/** A stretch of a run: from, to, in ms. */
export type Stretch = readonly [number, number]

/**
 * Brings what a run leaves behind and what is known of its requests together.
 * @param stretches - the times that are measured, all from the first measured request on by default
 * @throws RouteSimError `warmup_leaves_nothing`, `prices_invalid`
 */
export function composeSummary(
  totals: RunTotals,
  measure: () => MeasuredRequests,
  options: SummaryOptions,
  stretches: readonly Stretch[] = [[totals.measuredFromMs, totals.endMs]],
): RunSummary {
  checkWarmup(totals)
  const measured = measure()
  const { counts } = measured
  const { completed } = counts
  const durationMs = stretches.reduce((sum, [fromMs, toMs]) => sum + (toMs - fromMs), 0)
  const seconds = durationMs / 1000
  const tokens = counts.promptTokens + counts.outputTokens
  const cache = measured.cache.statistics(totals.backends)
  const balance = loadBalance(totals.backends, counts.perBackend)
  // A step goes on when its last request is given up: whatever happens, work is paid for.
  const present = stretches.map(([fromMs, toMs]) => counts.presence.times(fromMs, toMs))
  const presentMs = totals.backends.map(({ id, busyMs }) => {
    const ms = present.reduce((sum, times) => sum + times[id]!, 0)
    return counts.presence.changes ? Math.max(ms, busyMs) : ms
  })
  const cost = fleetCost(totals.backends, presentMs, options.pricePerHour)
  const tiers = tierStatistics(totals.backends, durationMs)
  const adapters = adapterLoads(totals.backends)
  const rejectedByReason = counts.rejectedByReason(totals.rejectReasons)
  const gpusOf = ({ id }: BackendTotals): number => options.gpuCounts?.[id] ?? 1
  const gpuMs = totals.backends.reduce((sum, each) => sum + gpusOf(each) * presentMs[each.id]!, 0)
  const busyGpuMs = totals.backends.reduce((sum, each) => sum + gpusOf(each) * each.busyMs, 0)
  return {
    algorithm: totals.router,
    visibility: totals.visibility,
    seed: totals.seed,
    complete: totals.complete,
    duration_ms: durationMs,
    warmup_requests: totals.warmupRequests,
    total_requests: counts.total,
    completed_requests: completed,
    rejected_requests: counts.rejected,
    failed_requests: counts.failed,
    timed_out_requests: counts.timedOut,
    unsent_requests: counts.unsent,
    unfinished_requests:
      counts.total -
      (completed + counts.rejected + counts.failed + counts.timedOut + counts.unsent),
    rejected_by_reason: rejectedByReason,
    failed_by_reason: counts.failedByReason(totals.rejectReasons),
    retries: counts.retries,
    saturation: saturation(measured.flow, unservable(rejectedByReason)),
    ...measured.slo?.findings(durationMs),
    ttft: measured.ttft,
    ttft_of_completed: measured.completedTtft,
    tbt: distributionOfHistogram(measured.gaps),
    tpot: measured.tpot,
    end_to_end_latency: measured.e2e,
    queue_wait: measured.queueWait,
    requests_per_sec: orNull(completed / seconds),
    prompt_tokens_per_sec: orNull(counts.promptTokens / seconds),
    gen_tokens_per_sec: orNull(counts.outputTokens / seconds),
    total_tokens_per_sec: orNull(tokens / seconds),
    global_cache_hit_rate: cache.requestHitRate,
    request_hit_rate: cache.requestHitRate,
    token_hit_rate: cache.tokenHitRate,
    ...(tiers && { loaded_token_rate: cache.loadedTokenRate, kv_tiers: tiers }),
    ...(adapters !== undefined && { adapter_loads: adapters }),
    block_cache_reuse_rate: cache.reuseRate,
    per_backend_cache_stats: cache.perBackend,
    evictions: totals.backends.reduce((sum, backend) => sum + backend.evictions, 0),
    preemptions: counts.preemptions,
    load_cv: balance.coefficientOfVariation,
    jains_fairness_index: balance.jainsIndex,
    max_min_queue_ratio: balance.maxMinQueueRatio,
    per_backend_requests: counts.perBackend,
    per_backend: summarizeBackends(totals, durationMs, counts.perBackend),
    gpu_seconds_per_request: orNull(busyGpuMs / 1000 / completed),
    fleet_gpu_seconds_per_request: orNull(gpuMs / 1000 / completed),
    estimated_cost_per_1k_tokens: orNull((cost.fleetUsd / tokens) * 1000),
    busy_cost_per_1k_tokens: orNull((cost.busyUsd / tokens) * 1000),
    custom_metrics: Object.fromEntries(
      Object.entries(totals.customMetrics).map(([name, value]) => [name, orNull(value)]),
    ),
  }
}

/** Rejections that say nothing of load. */
const REJECTED_AT_ANY_LOAD = ['exceeds_kv_cache', 'exceeds_max_model_len', 'model_not_served']

function unservable(rejectedByReason: Readonly<Record<string, number>>): number {
  return REJECTED_AT_ANY_LOAD.reduce((sum, reason) => sum + (rejectedByReason[reason] ?? 0), 0)
}

function checkWarmup({ requestCount, warmupRequests }: RunTotals): void {
  if (warmupRequests < requestCount) return
  const mend =
    requestCount === 0
      ? 'give the run at least one request'
      : `lower the warm-up to at most ${requestCount - 1}, or use a longer trace`
  throw new RouteSimError<MetricsErrorCode>(
    `warm-up leaves nothing to measure: the run has ${requestCount} requests and the warm-up takes the first ${warmupRequests}; ${mend}`,
    { code: 'warmup_leaves_nothing' },
  )
}

function summarizeBackends(
  totals: RunTotals,
  durationMs: number,
  requests: readonly number[],
): BackendSummary[] {
  return totals.backends.map((backend) => ({
    id: backend.id,
    role: backend.role,
    requests: requests[backend.id]!,
    busy_fraction: orNull(backend.busyMs / durationMs),
    mean_waiting: orNull(backend.waitingRequestMs / durationMs),
    mean_running: orNull(backend.runningRequestMs / durationMs),
    steps: backend.steps,
    prefill_tokens: backend.prefillTokens,
    decode_tokens: backend.decodeTokens,
    preemptions: backend.preemptions,
  }))
}
