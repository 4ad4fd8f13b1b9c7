import { type RequestTable, RouteSimError, tableSource } from '@routesim/core'
import { type Retiming, retimeTrace } from '@routesim/traces'
import type { MovedTimes } from '../config/move-events.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { WorkloadSource } from './load-workload.js'

/**
 * The requests of a source at other times. Those of a Poisson process differ with the seed.
 * @throws RouteSimError `options_conflict`, when the requests are generated or the rate is missing
 */
export function retimed(
  source: WorkloadSource,
  arrivals: Retiming,
  rateRps: number | undefined,
): WorkloadSource {
  if (source.generator !== undefined) {
    throw conflict('arrivals', `expected requests that are read, not generated, got "${arrivals}"`)
  }
  if (arrivals !== 'at_once' && rateRps === undefined) {
    throw conflict('rate', `expected requests per second for arrivals "${arrivals}", got none`)
  }
  if (arrivals === 'at_once' && rateRps !== undefined) {
    throw conflict('rate', `expected nothing for arrivals "at_once", got ${rateRps}`)
  }
  let latest: { readonly seed: number; readonly table: Promise<RequestTable> } | undefined
  const isSeeded = arrivals === 'poisson'
  const make = async (seed: number, signal?: AbortSignal): Promise<RequestTable> =>
    retimeTrace(await source.requests(seed, signal), {
      arrivals,
      rateRps,
      ...(isSeeded && { seed }),
    })
  const requests = (seed: number, signal?: AbortSignal): Promise<RequestTable> => {
    if (latest === undefined || (isSeeded && latest.seed !== seed)) {
      latest = { seed, table: make(seed, signal) }
    }
    return latest.table
  }
  const how = rateRps === undefined ? arrivals : `${arrivals} at ${rateRps} requests/s`
  return {
    ...source,
    requests,
    source: async (seed, signal) => tableSource(await requests(seed, signal)),
    async extent(seed, signal) {
      const { size, arrivalMs } = await requests(seed, signal)
      return { requests: size, spanMs: size === 0 ? 0 : arrivalMs[size - 1]! - arrivalMs[0]! }
    },
    isMade: (seed) => latest !== undefined && (!isSeeded || latest.seed === seed),
    isSeeded,
    rateRps,
    ...(arrivals === 'rescaled' && {
      moved: async () => movedFrom(await source.requests(0), await requests(0)),
    }),
    description: `${source.description}, ${how.replace('_', ' ')}`,
  }
}

/** What became of the times of requests that arrive faster or slower, and from 0 on. */
export function movedFrom(from: RequestTable, to: RequestTable): MovedTimes {
  const [firstMs = 0] = from.arrivalMs
  const spanMs = (from.arrivalMs.at(-1) ?? 0) - firstMs
  return { fromMs: firstMs, factor: spanMs === 0 ? 1 : to.arrivalMs.at(-1)! / spanMs }
}

function conflict(path: string, what: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`${path}: ${what}`, { code: 'options_conflict', path })
}
