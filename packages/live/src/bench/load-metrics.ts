import { percentile } from '@routesim/metrics'
import type { LoadRun, RequestMeasurement } from './request-measurement.js'

/** Statistics of one metric over requests, under the names of AIPerf's files. */
export interface MetricStatistics {
  readonly unit: string
  readonly avg: number
  readonly min?: number
  readonly max?: number
  readonly p1?: number
  readonly p5?: number
  readonly p10?: number
  readonly p25?: number
  readonly p50?: number
  readonly p75?: number
  readonly p90?: number
  readonly p95?: number
  readonly p99?: number
  readonly std?: number
}

/** Metrics of a run by AIPerf's tags, in the order of its table. */
export type LoadMetrics = Readonly<Record<string, MetricStatistics>>

/** What one request measured, by tag; NaN where it does not apply. */
export const REQUEST_METRICS: Readonly<
  Record<string, { readonly unit: string; readonly of: (request: RequestMeasurement) => number }>
> = {
  time_to_first_token: { unit: 'ms', of: (r) => r.firstTokenMs - r.sentMs },
  time_to_second_token: { unit: 'ms', of: (r) => r.secondTokenMs - r.firstTokenMs },
  request_latency: { unit: 'ms', of: (r) => r.endMs - r.sentMs },
  inter_token_latency: { unit: 'ms', of: interTokenLatency },
  output_token_throughput_per_user: {
    unit: 'tokens/sec/user',
    of: (r) => 1000 / interTokenLatency(r),
  },
  output_sequence_length: { unit: 'tokens', of: (r) => r.outputTokens },
  input_sequence_length: { unit: 'tokens', of: (r) => r.promptTokens },
  usage_prompt_cache_read_tokens: { unit: 'tokens', of: (r) => r.cachedTokens ?? Number.NaN },
  schedule_lag: { unit: 'ms', of: (r) => r.sentMs - r.scheduledMs },
}

/** (latency - TTFT) / (output tokens - 1). */
function interTokenLatency({ firstTokenMs, endMs, outputTokens }: RequestMeasurement): number {
  return outputTokens < 2 ? Number.NaN : (endMs - firstTokenMs) / (outputTokens - 1)
}

const QUANTILES = [1, 5, 10, 25, 50, 75, 90, 95, 99] as const

/**
 * Metrics of a run as AIPerf defines them: of requests without an error, from the sending of the first to
 * the last response. Source: ai-dynamo/aiperf, docs/metrics-reference.md at 0176f594.
 */
export function loadMetrics({ measurements }: LoadRun): LoadMetrics {
  const good = measurements.filter(({ error }) => error === undefined)
  const metrics: Record<string, MetricStatistics> = {}
  for (const [tag, { unit, of }] of Object.entries(REQUEST_METRICS)) {
    const values = Float64Array.from(good, of).filter(Number.isFinite)
    if (values.length > 0) metrics[tag] = statistics(values, unit)
  }
  const sum = (of: (request: RequestMeasurement) => number): number =>
    good.reduce((total, request) => total + of(request), 0)
  const startMs = good.reduce(
    (least, { sentMs }) => Math.min(least, sentMs),
    Number.POSITIVE_INFINITY,
  )
  const endMs = good.reduce((most, request) => Math.max(most, request.endMs), 0)
  const seconds = good.length === 0 ? 0 : (endMs - startMs) / 1000
  const rate = (amount: number): number => (seconds > 0 ? amount / seconds : 0)
  const outputTokens = sum((r) => r.outputTokens)
  const one = (avg: number, unit: string): MetricStatistics => ({ unit, avg })
  return {
    ...metrics,
    output_token_throughput: one(rate(outputTokens), 'tokens/sec'),
    total_token_throughput: one(rate(outputTokens + sum((r) => r.promptTokens)), 'tokens/sec'),
    request_throughput: one(rate(good.length), 'requests/sec'),
    request_count: one(good.length, 'requests'),
    error_request_count: one(measurements.length - good.length, 'requests'),
    benchmark_duration: one(seconds, 'sec'),
  }
}

function statistics(values: Float64Array, unit: string): MetricStatistics {
  const count = values.length
  const avg = values.reduce((total, value) => total + value, 0) / count
  const variance = values.reduce((total, value) => total + (value - avg) ** 2, 0) / count
  const named = Object.fromEntries(QUANTILES.map((p) => [`p${p}`, percentile(values, p / 100)]))
  return {
    unit,
    avg,
    min: percentile(values, 0),
    max: percentile(values, 1),
    ...named,
    std: Math.sqrt(variance),
  }
}

/** A schedule lag from which on a client is no longer the one that was asked for, in ms (P99). */
const DEGRADED_LAG_MS = 20

/** Whether the client kept its schedule. */
export function isOnSchedule(metrics: LoadMetrics): boolean {
  return (metrics['schedule_lag']?.p99 ?? 0) <= DEGRADED_LAG_MS
}

/**
 * Figures of several runs side by side, as Dynamo's script has them: means of their averages, sums of their
 * rates and counts. Quantiles are those of all requests together.
 */
export function combineMetrics(runs: readonly LoadRun[]): LoadMetrics {
  const pooled = loadMetrics({
    measurements: runs.flatMap(({ measurements }) => measurements),
    target: '',
    startedMs: 0,
  })
  if (runs.length === 1) return pooled
  const each = runs.map(loadMetrics)
  const combined: Record<string, MetricStatistics> = {}
  for (const [tag, statistics] of Object.entries(pooled)) {
    const all = each.flatMap((run) => run[tag] ?? [])
    const total = all.reduce((sum, { avg }) => sum + avg, 0)
    const isSum = /throughput$|_count$/.test(tag)
    const avg = isSum ? total : total / all.length
    combined[tag] = { ...statistics, avg }
  }
  return combined
}
