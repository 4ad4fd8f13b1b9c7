import type { ClusterView } from '@routesim/core'
import type {
  NumberParameter,
  RouterParameters,
  StringParameter,
} from '../definition/router-parameters.js'

/** How full a fleet is said to be; see {@link saturationOf}. */
export type SaturationRule = 'utilization' | 'concurrency' | 'prefill_backlog'

/** What {@link saturationOf} goes by. */
export interface SaturationLimits {
  readonly saturation: SaturationRule
  readonly queue_limit: number
  readonly kv_limit: number
  readonly stale_ms: number
  readonly request_limit: number
  readonly backlog_factor: number
}

type SaturationParameters = Readonly<
  Record<Exclude<keyof SaturationLimits, 'saturation'>, NumberParameter>
> & {
  readonly saturation: StringParameter<SaturationRule> & {
    readonly choices: readonly SaturationRule[]
  }
}

/** The parameters of those who hold requests back while a fleet is full. */
const saturationParameters: SaturationParameters = {
  saturation: {
    default: 'utilization',
    choices: ['utilization', 'concurrency', 'prefill_backlog'],
    description:
      'utilization: the mean over backends of the larger of waiting / queue_limit and KV usage / kv_limit is 1 or more; concurrency: the mean of own requests / request_limit is; prefill_backlog: all that compute prompts have more than backlog_factor batches of own prompt tokens to compute.',
  },
  queue_limit: { default: 5, min: 1, description: 'Waiting requests of a full backend.' },
  kv_limit: { default: 0.8, min: 0.01, max: 1, description: 'KV usage of a full backend.' },
  stale_ms: {
    default: 200,
    min: 0,
    description: 'A backend whose metrics are older counts as just full.',
  },
  request_limit: { default: 100, min: 1, description: 'Own requests of a full backend.' },
  backlog_factor: {
    default: 4,
    min: 0,
    description: 'Batches of prompt tokens of a full backend.',
  },
}

/**
 * The parameters of {@link saturationOf}, and those of one's own. Not spread where they are used: bundlers keep what
 * spreads, as that may have effects.
 */
/* @__NO_SIDE_EFFECTS__ */
export function withSaturation<const Own extends RouterParameters>(
  own: Own,
): SaturationParameters & Own {
  return { ...saturationParameters, ...own }
}

/**
 * How full a fleet is: 1 or more is full. Backends that are not healthy do not count; without any, it is full.
 * Means are over backends of all roles. O(backends).
 *
 * Sources: `utilization` and `concurrency`, the saturation detectors of llm-d/llm-d-router, pkg/epp at ebab687;
 * `prefill_backlog`, the queue threshold of ai-dynamo/dynamo, lib/kv-router/src/scheduling.
 */
export function saturationOf(cluster: ClusterView, limits: SaturationLimits): number {
  if (limits.saturation === 'prefill_backlog') return backlogOf(cluster, limits.backlog_factor)
  const { backends, columns, ids } = cluster
  const usages = limits.saturation === 'utilization' ? cluster.kvUsages() : []
  let healthy = 0
  let sum = 0
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (columns.maxQueueDepth[id] === 0) continue
    healthy++
    if (limits.saturation === 'concurrency') {
      sum += columns.outstanding[id]! / limits.request_limit
    } else if (backends[i]!.metricsAgeMs > limits.stale_ms) {
      sum += 1
    } else {
      sum += Math.max(columns.waiting[id]! / limits.queue_limit, usages[id]! / limits.kv_limit)
    }
  }
  return healthy === 0 ? 1 : sum / healthy
}

/** 1 when every backend that computes prompts has more than so many batches of them, else 0. */
function backlogOf({ backends, columns, ids }: ClusterView, limit: number): number {
  let isAnyHealthy = false
  let isAnyPrefill = false
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    const { role, maxBatchTokens } = backends[i]!
    const isHealthy = columns.maxQueueDepth[id] !== 0
    if (isHealthy) isAnyHealthy = true
    // It never has prompts to compute, and would always look idle.
    if (role === 'decode') continue
    isAnyPrefill = true
    // The limit itself is not full yet.
    if (isHealthy && columns.pendingPromptTokens[id]! <= limit * maxBatchTokens) return 0
  }
  // Of those that only decode the rule says nothing.
  return isAnyPrefill || !isAnyHealthy ? 1 : 0
}
