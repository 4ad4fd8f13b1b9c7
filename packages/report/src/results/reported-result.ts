import type { RunDetail, RunSummary, SeedsSummary } from '@routesim/metrics'
import type { SampledLoad } from './sampled-load.js'

/** One run, or the means over several seeds, with what pictures need of it where that was kept. */
export interface ReportedResult {
  readonly result: RunSummary | SeedsSummary
  readonly detail?: RunDetail | undefined
  /** What its backends did over time, where that was sampled. */
  readonly samples?: readonly SampledLoad[] | undefined
  /** How it is called in pictures; its algorithm by default. */
  readonly label?: string
}

/** A number of a result: its value, and half its 95 % interval where there are several seeds. */
export interface Figure {
  readonly value: number | null
  readonly ci95: number | null
}

/** Reads a number of a result by its path, such as `ttft.p99`. */
export function figureOf(result: object, path: string): Figure {
  let found: unknown = result
  for (const key of path.split('.')) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined
  }
  if (typeof found === 'number') return { value: found, ci95: null }
  if (typeof found === 'object' && found !== null && 'mean' in found && 'ci95' in found) {
    return { value: found.mean as number | null, ci95: found.ci95 as number | null }
  }
  return { value: null, ci95: null }
}

/** How a point of a sweep is called: its result, and the last part and value of each setting. */
export function labelWith(label: string, settings: Readonly<Record<string, unknown>>): string {
  const set = Object.entries(settings).map(([path, value]) => `${lastPart(path)}=${value}`)
  return [label, ...set].join(' ')
}

/** What a setting is called: `num_backends` for `cluster.num_backends`. */
export function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

/** How a result is called. */
export function labelOf({ result, label }: ReportedResult): string {
  return label ?? result.algorithm
}
