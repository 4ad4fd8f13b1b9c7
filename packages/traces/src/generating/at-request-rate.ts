import type { ArrivalsSpec } from './arrivals-spec.js'
import { checkWorkload } from './check-workload.js'
import { invalidOption } from './generator-error.js'
import { endOf, expectedOf } from './workload-extent.js'
import type { WorkloadSpec } from './workload-spec.js'

/**
 * The same workload with all rates changed alike, so that requests, all turns and agents' calls among
 * them, are to be expected at a mean rate. Limits of how many there are do not count.
 *
 * @throws RouteSimError `generator_invalid`, also for clients that have no rate
 *
 * @example
 * const busier = atRequestRate(spec, 50)
 */
export function atRequestRate(spec: WorkloadSpec, rateRps: number): WorkloadSpec {
  checkWorkload(spec)
  if (!(rateRps > 0 && rateRps <= 1e9)) throw invalidOption('rateRps', 'a number > 0', rateRps)
  spec.clients.forEach(({ arrivals: { kind, rateRps: own } }, i) => {
    if (kind !== 'at_once' && (kind !== 'users' || own !== undefined)) return
    throw invalidOption(
      `clients[${i}].arrivals.kind`,
      'arrivals at a rate',
      kind,
      'Give arrivals of another kind, or the users a rate.',
    )
  })
  const endMs = Math.max(...spec.clients.map((client) => endOf(spec, client)))
  const endless = { ...spec, requests: undefined, durationSec: endMs / 1000 }
  const clients = spec.clients.map(({ sessions, ...client }) =>
    sessions === undefined
      ? client
      : { ...client, sessions: { ...sessions, maxSessions: undefined } },
  )
  if (endMs === Number.POSITIVE_INFINITY) {
    throw invalidOption('durationSec', 'a duration for traffic at a rate', undefined)
  }
  const factor = rateRps / (expectedOf({ ...endless, clients }) / (endMs / 1000))
  return {
    ...spec,
    clients: spec.clients.map((client) => ({
      ...client,
      arrivals: scaled(client.arrivals, factor),
    })),
  }
}

function scaled(arrivals: ArrivalsSpec, factor: number): ArrivalsSpec {
  const { rateRps, stages, onOff, diurnal } = arrivals
  return {
    ...arrivals,
    ...(rateRps !== undefined && { rateRps: rateRps * factor }),
    ...(stages !== undefined && {
      stages: stages.map((stage) => ({
        ...stage,
        rateRps: stage.rateRps * factor,
        ...(stage.toRateRps !== undefined && { toRateRps: stage.toRateRps * factor }),
      })),
    }),
    ...(onOff !== undefined && {
      onOff: {
        ...onOff,
        onRateRps: onOff.onRateRps * factor,
        offRateRps: onOff.offRateRps * factor,
      },
    }),
    ...(diurnal !== undefined && {
      diurnal: {
        ...diurnal,
        peakRateRps: diurnal.peakRateRps * factor,
        troughRateRps: diurnal.troughRateRps * factor,
      },
    }),
  }
}
