import { metric } from '../run/metric.js'
import { sendingSec } from '../run/sent-requests.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'

/** Requests must come for so many times as long as they take before a run shows whether a fleet keeps up. */
const LONG_RUN = 4
/** Traffic that is made longer because of that, as many times as long. */
const LONGER_RUN = 6

/** Traffic that is over before a fleet that falls behind would show. */
export interface ShortTraffic {
  /** From the first arrival to the last. */
  readonly lastsSec: number
  /** A request, from its arrival to its end, in the mean. */
  readonly requestSec: number
}

/** The shortest of the traffics of some runs beside its requests; undefined where all last long enough. */
export function shortTraffic(results: readonly AlgorithmSummary[]): ShortTraffic | undefined {
  let shortest: ShortTraffic | undefined
  let fewest = LONG_RUN
  for (const result of results) {
    const { value: requestMs } = metric(result, 'end_to_end_latency.mean')
    const lastsSec = sendingSec(result)
    if (requestMs === null || lastsSec === null) continue
    const requestSec = requestMs / 1000
    if (lastsSec >= fewest * requestSec) continue
    fewest = lastsSec / requestSec
    shortest = { lastsSec, requestSec }
  }
  return shortest
}

/** Seconds of traffic that would show whether a fleet keeps up. */
export function longEnoughSec({ requestSec }: ShortTraffic): number {
  return Math.ceil((LONGER_RUN * requestSec) / 10) * 10
}

/** Says that traffic is too short. */
export function shortTrafficNote({ lastsSec, requestSec }: ShortTraffic): string {
  return `requests come for ${seconds(lastsSec)} and take ${seconds(requestSec)} each in the mean: whether the fleet keeps up with them, only ${LONG_RUN} times as long shows`
}

/** Says for how long requests came instead. */
export function longerTrafficNote(asked: number, durationSec: number): string {
  return `requests take so long that ${asked} s of them would not show whether a fleet keeps up: ${durationSec} s are generated at each rate (--duration)`
}

function seconds(value: number): string {
  return `${Number(value.toPrecision(3))} s`
}
