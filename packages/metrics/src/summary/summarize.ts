import { RouteSimError, type RunResult } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { distributionOfHistogram } from '../statistics/distribution.js'
import { orNull } from '../statistics/or-null.js'
import { cacheStatistics } from './cache-statistics.js'
import { fleetCost } from './cost.js'
import { latencyDistributions } from './latency-distributions.js'
import { loadBalance } from './load-balance.js'
import { measureRequests } from './measured-requests.js'
import type { BackendSummary, RunSummary } from './run-summary.js'

/** What {@link summarize} needs to know beside the run. */
export interface SummaryOptions {
  /** USD per hour of each backend, by id. */
  readonly pricePerHour: readonly number[]
}

/**
 * Reduces a run to its {@link RunSummary}.
 * @param gaps - inter-token gaps of the measured requests, from a `TokenGapRecorder`
 * @throws RouteSimError `warmup_leaves_nothing`, `prices_invalid`
 */
export function summarize(
  result: RunResult,
  gaps: LogHistogram,
  options: SummaryOptions,
): RunSummary {
  checkWarmup(result)
  const measured = measureRequests(result)
  const latencies = latencyDistributions(result)
  const { durationMs, completed } = measured
  const seconds = durationMs / 1000
  const tokens = measured.promptTokens + measured.outputTokens
  const cache = cacheStatistics(result)
  const balance = loadBalance(result)
  const cost = fleetCost(result.backends, durationMs, options.pricePerHour)
  const busyMs = result.backends.reduce((sum, backend) => sum + backend.busyMs, 0)
  return {
    algorithm: result.router,
    visibility: result.visibility,
    seed: result.seed,
    complete: result.complete,
    duration_ms: durationMs,
    warmup_requests: result.warmupRequests,
    total_requests: measured.total,
    completed_requests: completed,
    rejected_requests: measured.rejected,
    unfinished_requests: measured.unfinished,
    rejected_by_reason: measured.rejectedByReason,
    ttft: latencies.ttft,
    tbt: distributionOfHistogram(gaps),
    tpot: latencies.tpot,
    end_to_end_latency: latencies.endToEnd,
    queue_wait: latencies.queueWait,
    requests_per_sec: orNull(completed / seconds),
    prompt_tokens_per_sec: orNull(measured.promptTokens / seconds),
    gen_tokens_per_sec: orNull(measured.outputTokens / seconds),
    total_tokens_per_sec: orNull(tokens / seconds),
    global_cache_hit_rate: cache.requestHitRate,
    request_hit_rate: cache.requestHitRate,
    token_hit_rate: cache.tokenHitRate,
    block_cache_reuse_rate: cache.reuseRate,
    per_backend_cache_stats: cache.perBackend,
    evictions: result.backends.reduce((sum, backend) => sum + backend.evictions, 0),
    preemptions: measured.preemptions,
    load_cv: balance.coefficientOfVariation,
    jains_fairness_index: balance.jainsIndex,
    max_min_queue_ratio: balance.maxMinQueueRatio,
    per_backend_requests: balance.requests,
    per_backend: summarizeBackends(result, balance.requests),
    gpu_seconds_per_request: orNull(busyMs / 1000 / completed),
    fleet_gpu_seconds_per_request: orNull((result.backends.length * seconds) / completed),
    estimated_cost_per_1k_tokens: orNull((cost.fleetUsd / tokens) * 1000),
    busy_cost_per_1k_tokens: orNull((cost.busyUsd / tokens) * 1000),
    custom_metrics: Object.fromEntries(
      Object.entries(result.customMetrics).map(([name, value]) => [name, orNull(value)]),
    ),
  }
}

function checkWarmup({ requests, warmupRequests }: RunResult): void {
  if (warmupRequests < requests.size) return
  const mend =
    requests.size === 0
      ? 'give the run at least one request'
      : `lower the warm-up to at most ${requests.size - 1}, or use a longer trace`
  throw new RouteSimError<MetricsErrorCode>(
    `warm-up leaves nothing to measure: the run has ${requests.size} requests and the warm-up takes the first ${warmupRequests}; ${mend}`,
    { code: 'warmup_leaves_nothing' },
  )
}

function summarizeBackends(result: RunResult, requests: readonly number[]): BackendSummary[] {
  const windowMs = result.endMs - result.measuredFromMs
  return result.backends.map((backend) => ({
    id: backend.id,
    role: backend.role,
    requests: requests[backend.id]!,
    busy_fraction: orNull(backend.busyMs / windowMs),
    mean_waiting: orNull(backend.waitingRequestMs / windowMs),
    mean_running: orNull(backend.runningRequestMs / windowMs),
    steps: backend.steps,
    prefill_tokens: backend.prefillTokens,
    decode_tokens: backend.decodeTokens,
    preemptions: backend.preemptions,
  }))
}
