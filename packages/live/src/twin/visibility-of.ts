import type { Visibility } from '@routesim/core'

/** What a live router knows of its workers. */
export interface LiveKnowledge {
  readonly kvIndex: 'events' | 'approximate' | 'none'
  /** Between two samples of the workers' metrics, in ms; 0 where the router's own counts stand in for them. */
  readonly metricsIntervalMs: number
}

/**
 * What the same router sees in a simulation. What was sent to a worker within 120 s, and is taken to be cached there
 * (`approximate`), comes closest to its true cache.
 */
export function visibilityOf({ kvIndex, metricsIntervalMs }: LiveKnowledge): Visibility {
  const prefixes = {
    events: { delayMs: 0, lossProbability: 0, startsEmpty: false, clearsOnRestart: true },
    approximate: 'live',
    none: 'none',
  } as const
  return {
    name: 'as live',
    metrics:
      metricsIntervalMs === 0
        ? 'none'
        : { intervalMs: metricsIntervalMs, delayMs: 0, dropProbability: 0 },
    prefixes: prefixes[kvIndex],
    routers: { replicas: 1, split: 'random', syncMs: 0 },
    decision: { fixedMs: 0, perTokenMs: 0 },
    tokenError: 0,
  }
}
