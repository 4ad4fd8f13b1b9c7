import {
  type BackendSpec,
  type RequestTable,
  RouteSimError,
  type RoutingAlgorithm,
  simulate,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import type { ExperimentsErrorCode } from '../../errors.js'
import type { Metrics } from '../report/validation-row.js'
import {
  type SharedPrefixLoad,
  STAGE_SPACING_MS,
  sharedPrefixWorkload,
} from './shared-prefix-workload.js'
import { type Measuring, meanOf, stageMetrics } from './stage-metrics.js'

/** A ladder of rates on a fleet behind a router. */
export interface StagedRun {
  readonly backends: readonly BackendSpec[]
  readonly prefixCaching: boolean
  readonly load: SharedPrefixLoad
  readonly measuring: Measuring
  /** Requests that the load generator keeps in flight at most; no limit when absent. */
  readonly maxInFlight?: number
  /** A fresh router for these requests. */
  router(requests: RequestTable): RoutingAlgorithm
  /** Draws of arrivals and prompts to average over. */
  readonly seeds: number
}

/** Metrics of every stage, each stage after the one before has drained, caches kept. */
export function simulateStages(staged: StagedRun): Metrics[] {
  const { load, measuring, maxInFlight } = staged
  const bySeed = Array.from({ length: staged.seeds }, (_, i) => {
    const seed = i + 1
    const { requests, firstRows } = sharedPrefixWorkload(load, seed)
    const run = simulate({
      cluster: {
        backends: staged.backends,
        kvCache: radixKvCache({ prefixCaching: staged.prefixCaching }),
      },
      requests,
      router: staged.router(requests),
      seed,
      ...(maxInFlight === undefined ? {} : { maxInFlight }),
    })
    if (run.endMs > load.stages.length * STAGE_SPACING_MS) throw neverDrained()
    return load.stages.map((_, stage) =>
      stageMetrics(run, firstRows[stage]!, firstRows[stage + 1]!, measuring),
    )
  })
  return load.stages.map((_, stage) => meanOf(bySeed.map((stages) => stages[stage]!)))
}

function neverDrained(): RouteSimError {
  return new RouteSimError<ExperimentsErrorCode>(
    'stages: expected each to drain within a day of virtual time, got one that does not',
    { code: 'data_unreadable' },
  )
}
