import type { LoadRow } from '@routesim/metrics'

/** What the backends of one run did over time. */
export interface RunSamples {
  readonly algorithm: string
  readonly seed: number
  readonly rows: readonly LoadRow[]
}
