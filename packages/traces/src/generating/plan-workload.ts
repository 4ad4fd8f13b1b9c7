import { traceError } from '../errors/trace-error.js'
import { checkWorkload } from './check-workload.js'
import { CLASSIC_ALIASES, classicWorkload } from './classic-workload.js'
import type { GeneratorOptions } from './generator-options.js'
import { resolveOptions } from './resolve-options.js'
import type { StreamAliases } from './workload-draws.js'
import { expectedOf } from './workload-extent.js'
import type { WorkloadSpec } from './workload-spec.js'

/** A workload to be made. */
export interface PlannedWorkload {
  readonly spec: WorkloadSpec
  readonly aliases: StreamAliases
  /** What a part of the workload was called where it was asked for. */
  readonly nameOf: (path: string) => string
}

/**
 * What is to be made of either kind of options, checked.
 * @throws RouteSimError `generator_invalid`
 */
export function planWorkload(
  options: GeneratorOptions | WorkloadSpec,
  mostRequests: number,
): PlannedWorkload {
  if (!('clients' in options)) {
    const spec = classicWorkload(resolveOptions(options, mostRequests))
    return { spec, aliases: CLASSIC_ALIASES, nameOf: () => 'turnsMean' }
  }
  checkWorkload(options)
  const expected = expectedOf(options)
  if (expected > mostRequests) {
    throw traceError(
      'generator_invalid',
      `durationSec: expected time for at most ${mostRequests} requests, got time for about ${Number(expected.toPrecision(3))}`,
      { path: 'durationSec', hint: 'Lower the rate or the duration.' },
    )
  }
  return { spec: options, aliases: {}, nameOf: (path) => path }
}

/**
 * About as many requests as `generateTrace` makes of the options, without making them.
 * @throws RouteSimError `generator_invalid`
 */
export function expectedRequests(options: GeneratorOptions | WorkloadSpec): number {
  return Math.ceil(expectedOf(planWorkload(options, Number.MAX_SAFE_INTEGER).spec))
}
