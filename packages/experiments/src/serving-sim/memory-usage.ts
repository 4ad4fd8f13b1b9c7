import type { LoadRow } from '@routesim/metrics'

/** A look at the KV cache of one decode instance. Columns of `memory_usage.csv`. */
export interface MemoryUsageRow {
  /** In seconds. */
  readonly timestamp: number
  readonly instance_id: number
  readonly instance_group: 'decode'
  /** Share of KV blocks held by its requests. */
  readonly memory_usage: number | null
}

/** The decode instances in what was sampled of a run; they are counted after the prefill instances. */
export function memoryUsage(
  samples: readonly LoadRow[],
  prefillInstances: number,
): MemoryUsageRow[] {
  return samples
    .filter(({ backend }) => backend >= prefillInstances)
    .map(({ time_ms, backend, kv_held }) => ({
      timestamp: time_ms / 1000,
      instance_id: backend - prefillInstances,
      instance_group: 'decode',
      memory_usage: kv_held,
    }))
}
