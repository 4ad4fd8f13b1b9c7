/** What a load generator saw of one request, live or simulated. Times are ms since the start of the run. */
export interface RequestMeasurement {
  /** Row in the workload. */
  readonly row: number
  /** When it was due: by the schedule, or, in a closed loop, when there was room for it. */
  readonly scheduledMs: number
  readonly sentMs: number
  /** Arrival of the first token and of all after it; NaN for none. */
  readonly firstTokenMs: number
  readonly secondTokenMs: number
  /** Arrival of the last token. */
  readonly endMs: number
  readonly promptTokens: number
  readonly outputTokens: number
  /** Prompt tokens that the server says were cached; undefined when it does not say. */
  readonly cachedTokens: number | undefined
  /** Why it failed; undefined when it did not. Never what a server said, which might quote the prompt. */
  readonly error: string | undefined
}

/** A run of a workload. */
export interface LoadRun {
  readonly measurements: readonly RequestMeasurement[]
  /** What was loaded: a URL, or the router that was simulated. */
  readonly target: string
  /** Unix time of the start in ms; 0 for a simulation. */
  readonly startedMs: number
  /** Whether it was stopped before all requests were sent. */
  readonly wasCancelled?: boolean
}
