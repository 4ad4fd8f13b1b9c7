import { closestName, RouteSimError } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import type { ExperimentsErrorCode } from '../errors.js'
import type { AlgorithmSummary } from './simulate-all.js'

/** A number of a result: of one run, or the mean over several with its 95 % interval. */
export interface MetricValue {
  /** In the unit of the metric; null when there is nothing to compute it from. */
  readonly value: number | null
  /** Half the width of the 95 % interval; null for a single run. */
  readonly ci95: number | null
}

/** What results have, though not all of them: not those without targets, nor those that an older version wrote. */
const SECTIONS: Readonly<Record<keyof RunSummary, true>> = {
  algorithm: true,
  visibility: true,
  seed: true,
  complete: true,
  duration_ms: true,
  warmup_requests: true,
  total_requests: true,
  completed_requests: true,
  rejected_requests: true,
  failed_requests: true,
  timed_out_requests: true,
  unsent_requests: true,
  unfinished_requests: true,
  rejected_by_reason: true,
  failed_by_reason: true,
  retries: true,
  saturation: true,
  slo: true,
  tenants: true,
  ttft: true,
  ttft_of_completed: true,
  tbt: true,
  tpot: true,
  end_to_end_latency: true,
  queue_wait: true,
  requests_per_sec: true,
  prompt_tokens_per_sec: true,
  gen_tokens_per_sec: true,
  total_tokens_per_sec: true,
  global_cache_hit_rate: true,
  request_hit_rate: true,
  token_hit_rate: true,
  loaded_token_rate: true,
  kv_tiers: true,
  adapter_loads: true,
  block_cache_reuse_rate: true,
  per_backend_cache_stats: true,
  evictions: true,
  preemptions: true,
  load_cv: true,
  jains_fairness_index: true,
  max_min_queue_ratio: true,
  per_backend_requests: true,
  per_backend: true,
  gpu_seconds_per_request: true,
  fleet_gpu_seconds_per_request: true,
  estimated_cost_per_1k_tokens: true,
  busy_cost_per_1k_tokens: true,
  custom_metrics: true,
}

/** What has other names in every run. */
const NAMED = [
  'rejected_by_reason',
  'failed_by_reason',
  'custom_metrics',
  'kv_tiers',
  'slo.per_class',
  'tenants.per_tenant',
]

const nothing: MetricValue = { value: null, ci95: null }

/**
 * Reads a number of a result by its path, such as `ttft.p50`. Null is what this run has nothing for: no targets
 * (`slo`), no tenants, no rejection for that reason.
 *
 * @throws RouteSimError `metric_unknown` when results have no number of that name
 * @example
 * metric(result, 'ttft.p50').value
 */
export function metric(result: AlgorithmSummary, path: string): MetricValue {
  const keys = path.split('.')
  const found = valueAt(result, keys)
  if (found === null) return nothing
  if (found === undefined) {
    const section = keys[0]!
    const isAbsent = valueAt(result, [section]) === undefined
    if (isAbsent ? Object.hasOwn(SECTIONS, section) : isNamed(path)) return nothing
  }
  if (typeof found === 'number') return { value: found, ci95: null }
  if (isEstimate(found)) return { value: found.mean, ci95: found.ci95 }
  throw unknownMetric(result, path)
}

/** What stands at a path. Names may have dots in them: the longest that is there is the one that is meant. */
function valueAt(value: unknown, keys: readonly string[]): unknown {
  if (keys.length === 0) return value
  if (!isObject(value)) return undefined
  for (let length = keys.length; length > 0; length--) {
    const key = keys.slice(0, length).join('.')
    if (!Object.hasOwn(value, key)) continue
    const found = valueAt(value[key], keys.slice(length))
    if (found !== undefined) return found
  }
  return undefined
}

function isNamed(path: string): boolean {
  return NAMED.some((section) => path.startsWith(`${section}.`))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

interface Estimate {
  readonly mean: number | null
  readonly ci95: number | null
}

function isEstimate(value: unknown): value is Estimate {
  return isObject(value) && 'mean' in value && 'ci95' in value
}

function unknownMetric(
  result: AlgorithmSummary,
  path: string,
): RouteSimError<ExperimentsErrorCode> {
  const paths = [...pathsOf(result)]
  const near = closestName(path, paths)
  return new RouteSimError(
    `metric: expected the path of a number of a result, such as ttft.p99, got ${JSON.stringify(path)}`,
    {
      code: 'metric_unknown',
      path,
      hint:
        near === undefined
          ? `Paths begin with ${Object.keys(SECTIONS).join(', ')}.`
          : `Did you mean "${near}"?`,
    },
  )
}

function* pathsOf(section: object, prefix = ''): Generator<string> {
  for (const [key, value] of Object.entries(section)) {
    const path = prefix + key
    if (value === null || typeof value === 'number' || isEstimate(value)) yield path
    else if (isObject(value)) yield* pathsOf(value, `${path}.`)
  }
}
