import { type Distribution, toCsv } from '@routesim/metrics'
import { aiperfHeader } from './aiperf-header.js'
import type { ResultRecord } from './result-log.js'

/** The artifacts of one run under the names that NVIDIA AIPerf gives them. */
export interface AiperfProfile {
  /** For `profile_export_aiperf.json`: unit and statistics by metric. */
  readonly json: Readonly<Record<string, unknown>>
  /** For `profile_export_aiperf.csv`: metrics with statistics, then those of one value. */
  readonly csv: string
}

const STATISTICS = ['avg', 'min', 'max', 'p25', 'p50', 'p75', 'p90', 'p95', 'p99', 'std'] as const

/**
 * A finished run in AIPerf's artifact layout. Its inter-token latency is a mean per request, which is
 * `tpot` here, and all its latencies are of requests without an error. What RouteSim does not keep is left
 * out: p1 to p10, and in logs of older versions the time to first token of completed requests.
 *
 * Source: ai-dynamo/aiperf, docs/metrics-reference.md at 0176f594.
 */
export function aiperfProfile(record: Extract<ResultRecord, { status: 'ok' }>): AiperfProfile {
  const { result, settings, rate, algorithm, seed, version } = record
  const firstTokens: Distribution | undefined = result.ttft_of_completed
  const distributions = {
    time_to_first_token: firstTokens,
    request_latency: result.end_to_end_latency,
    inter_token_latency: result.tpot,
  }
  const scalars: Record<string, readonly [unit: string, avg: number | null]> = {
    output_token_throughput: ['tokens/sec', result.gen_tokens_per_sec],
    total_token_throughput: ['tokens/sec', result.total_tokens_per_sec],
    request_throughput: ['requests/sec', result.requests_per_sec],
    request_count: ['requests', result.completed_requests],
    error_request_count: [
      'requests',
      result.rejected_requests + result.failed_requests + result.timed_out_requests,
    ],
    benchmark_duration: ['sec', result.duration_ms / 1000],
    ...(result.slo && {
      good_request_count: ['requests', result.slo.good_requests],
      goodput: ['requests/sec', result.slo.goodput_requests_per_sec],
    }),
  }
  const profiles = Object.entries(distributions).flatMap(([tag, found]) => {
    if (found === undefined) return []
    const { mean: avg, min, max, p25, p50, p75, p90, p95, p99, std } = found
    return [[tag, { unit: 'ms', avg, min, max, p25, p50, p75, p90, p95, p99, std }] as const]
  })
  const values = Object.entries(scalars).map(([tag, [unit, avg]]) => [tag, { unit, avg }] as const)
  const simulated = { tool: 'routesim', version, algorithm, seed, settings, request_rate: rate }
  return {
    json: {
      ...Object.fromEntries([...profiles, ...values]),
      input_config: simulated,
      was_cancelled: !result.complete,
    },
    csv: [
      toCsv(
        profiles.map(([tag, { unit, ...found }]) => ({
          Metric: aiperfHeader(tag, unit),
          ...Object.fromEntries(STATISTICS.map((name) => [name, found[name]])),
        })),
      ),
      toCsv(
        values.map(([tag, { unit, avg }]) => ({ Metric: aiperfHeader(tag, unit), Value: avg })),
      ),
    ]
      .join('\r\n')
      .trimEnd(),
  }
}
