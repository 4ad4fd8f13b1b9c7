import { RandomStream } from '@routesim/core'
import { rounded } from './rounded.js'

/** Part of the arrivals at most that may have times of their own. */
const MOST_DISTINCT = 0.9
const FEWEST_TIMES = 20
/** How far from a multiple of the tick a time may be, as a part of the tick; and how many may be farther. */
const TOLERANCE = 0.01
const MOST_STRAY = 0.01

/**
 * The time of which all arrivals are multiples, where that makes them come together: that of a trace whose
 * times were counted in whole ticks, or whose requests were sent by the batch.
 * @param arrivalMs - in order
 * @returns seconds, `undefined` when there is none
 */
export function findTickSec(arrivalMs: Float64Array): number | undefined {
  const first = arrivalMs[0] ?? 0
  const times = arrivalMs.filter((ms, i) => i === 0 || ms > arrivalMs[i - 1]!)
  if (times.length < FEWEST_TIMES || times.length > MOST_DISTINCT * arrivalMs.length)
    return undefined
  const gaps = times.subarray(1).map((ms, i) => ms - times[i]!)
  gaps.sort()
  // Times are rounded, so that of the shortest gaps the one in the middle is meant.
  const short = gaps.filter((gap) => gap < gaps[0]! * 1.05)
  const about = short[short.length >> 1]!
  const spanMs = times.at(-1)! - first
  const tickMs = spanMs / Math.round(spanMs / about)
  let stray = 0
  for (const ms of times) {
    const ticks = (ms - first) / tickMs
    if (Math.abs(ticks - Math.round(ticks)) > TOLERANCE) stray++
  }
  return stray <= MOST_STRAY * times.length ? rounded(tickMs / 1000, 6) : undefined
}

/** Times as they may have been before they were counted in ticks: anywhere within theirs, in order. */
export function withoutTicks(ms: Float64Array, tickSec: number): Float64Array {
  const random = new RandomStream(0, 'ticks')
  const tickMs = tickSec * 1000
  return ms.map((each) => (Math.round(each / tickMs) + random.float()) * tickMs).sort()
}
