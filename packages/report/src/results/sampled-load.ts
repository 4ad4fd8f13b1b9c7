/** One look at a backend: what it did since the look before. */
export interface SampledLoad {
  /** Of the run, where there are several. */
  readonly seed?: number
  readonly time_ms: number
  readonly backend: number
  /** Share of the time spent in engine steps. */
  readonly utilization: number | null
  /** Shares of KV blocks: held by running requests, and kept for reuse. */
  readonly kv_held: number | null
  readonly kv_cached: number | null
}
