import { closestName } from '@routesim/core'
import { searchInvalid } from './search-options.js'

/** A number of a result with the direction in which it is better. */
export interface JudgedMetric {
  /** Path in a result, such as `ttft.p99`. */
  readonly path: string
  readonly title: string
  readonly better: 'low' | 'high'
  readonly unit: 'ms' | 'share' | 'usd' | 'number'
}

const LATENCIES = [
  ['ttft', 'TTFT'],
  ['tbt', 'ITL'],
  ['tpot', 'TPOT'],
  ['end_to_end_latency', 'E2E'],
  ['queue_wait', 'queue wait'],
] as const

const STATISTICS = ['p50', 'p75', 'p90', 'p95', 'p99', 'mean', 'max'] as const

const titled = (statistic: string): string =>
  statistic.startsWith('p') ? statistic.toUpperCase() : statistic

/** What results can be judged by. */
export const JUDGED_METRICS: readonly JudgedMetric[] = [
  ...LATENCIES.flatMap(([path, title]) =>
    STATISTICS.map((statistic) => ({
      path: `${path}.${statistic}`,
      title: `${title} ${titled(statistic)}`,
      better: 'low' as const,
      unit: 'ms' as const,
    })),
  ),
  { path: 'requests_per_sec', title: 'requests/s', better: 'high', unit: 'number' },
  { path: 'gen_tokens_per_sec', title: 'output tokens/s', better: 'high', unit: 'number' },
  { path: 'total_tokens_per_sec', title: 'tokens/s', better: 'high', unit: 'number' },
  { path: 'completed_requests', title: 'completed requests', better: 'high', unit: 'number' },
  { path: 'rejected_requests', title: 'rejected requests', better: 'low', unit: 'number' },
  { path: 'failed_requests', title: 'failed requests', better: 'low', unit: 'number' },
  { path: 'timed_out_requests', title: 'timed-out requests', better: 'low', unit: 'number' },
  { path: 'unsent_requests', title: 'requests never sent', better: 'low', unit: 'number' },
  { path: 'token_hit_rate', title: 'cache hits', better: 'high', unit: 'share' },
  { path: 'request_hit_rate', title: 'requests with hits', better: 'high', unit: 'share' },
  { path: 'jains_fairness_index', title: 'balance (Jain)', better: 'high', unit: 'number' },
  { path: 'load_cv', title: 'imbalance (CV)', better: 'low', unit: 'number' },
  { path: 'preemptions', title: 'preemptions', better: 'low', unit: 'number' },
  { path: 'evictions', title: 'evictions', better: 'low', unit: 'number' },
  { path: 'gpu_seconds_per_request', title: 'GPU-s/request', better: 'low', unit: 'number' },
  { path: 'estimated_cost_per_1k_tokens', title: '$/1K tokens', better: 'low', unit: 'usd' },
  { path: 'slo.attainment', title: 'SLO attainment', better: 'high', unit: 'share' },
  {
    path: 'slo.goodput_requests_per_sec',
    title: 'goodput',
    better: 'high',
    unit: 'number',
  },
]

/**
 * What a path says of a result; what a router reports of itself (`custom_metrics.NAME`) is better low.
 * @throws RouteSimError `search_invalid`, with a suggestion
 */
export function judgedMetric(path: string, where: string): JudgedMetric {
  const known = JUDGED_METRICS.find((metric) => metric.path === path)
  if (known !== undefined) return known
  if (/^custom_metrics\.\w+$/.test(path)) {
    return { path, title: path.slice(path.indexOf('.') + 1), better: 'low', unit: 'number' }
  }
  const paths = JUDGED_METRICS.map((metric) => metric.path)
  const near = closestName(path, paths)
  const hint = near === undefined ? `Known are ${paths.join(', ')}.` : `Did you mean "${near}"?`
  throw searchInvalid(where, 'a number of a result such as ttft.p99', `"${path}"`, hint)
}
