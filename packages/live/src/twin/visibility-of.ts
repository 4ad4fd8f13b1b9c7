import type { Visibility } from '@routesim/core'
import { parseVisibility } from '@routesim/experiments'

/** What a live router knows of its workers. */
export interface LiveKnowledge {
  readonly kvIndex: 'events' | 'approximate' | 'none'
  /** Between two samples of the workers' metrics, in ms; 0 where the router's own counts stand in for them. */
  readonly metricsIntervalMs: number
}

/** What the same router sees in a simulation. */
export function visibilityOf({ kvIndex, metricsIntervalMs }: LiveKnowledge): Visibility {
  const prefixes = { events: 'kv_events', approximate: 'approximate', none: 'none' }[kvIndex]
  const metrics =
    metricsIntervalMs === 0 ? 'metrics=none' : `metrics_interval_ms=${metricsIntervalMs}`
  return parseVisibility(`exact:prefixes=${prefixes},${metrics}`)
}
