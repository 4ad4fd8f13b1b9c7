import { orNull } from '../statistics/or-null.js'
import type { FlowBins } from './flow-bins.js'

/**
 * `stable`: what came was served as it came. `backlogged`: at times more requests waited than were being
 * worked on, and they were served in the end. `overloaded`: the fleet could not keep up, so that waiting
 * times tell more of the length of the run than of the fleet.
 */
export type SaturationVerdict = 'stable' | 'backlogged' | 'overloaded'

/** Whether a fleet kept up with its traffic, and what says so. Over measured requests. */
export interface Saturation {
  readonly verdict: SaturationVerdict
  /** Requests per second that arrived, between the first arrival and the last. */
  readonly offered_per_sec: number | null
  /** Requests per second that were completed in that time. */
  readonly completed_per_sec: number | null
  /** Share of requests that were rejected. */
  readonly rejected_share: number | null
  /** Share of requests that their clients would not wait for. */
  readonly timed_out_share: number | null
  /**
   * Slope, in requests per second, of the number of requests that wait to be admitted, over the second
   * half of the arrivals (least squares).
   */
  readonly waiting_growth_per_sec: number | null
  /** The same of all requests in the system. */
  readonly backlog_growth_per_sec: number | null
  /** Requests that waited at the last arrival, and at most. */
  readonly waiting_at_last_arrival: number
  readonly peak_waiting: number
  /** Requests in work when most waited. */
  readonly running_at_peak: number
  /** From the last arrival to the last completion, in ms. */
  readonly drain_ms: number | null
}

/** A share of requests rejected for load or not waited for that no fleet that keeps up has. */
const MANY_UNSERVED = 0.01
/** Growth beyond this share of the offered rate is not chance. */
const GROWTH_SHARE = 0.02
/** A queue that grows to its end is at its peak then, but for this much. */
const NEAR_PEAK = 0.8
/** Fewer waiting requests than this are no queue to speak of. */
const FEW_WAITING = 10
/** Arrivals must last this many times as long as a request before a growing number in work means anything. */
const LONG_RUN = 4
/** Growth of all requests in the system beyond this share of the offered rate. */
const BACKLOG_SHARE = 0.05

/**
 * Independent arrivals let the number in the system swing by its square root: growth over the second
 * half of the arrivals that is no more than so many times that may be chance.
 */
const CHANCE = 4

/**
 * Judges a run by how many requests waited and were in work in each stretch of it.
 *
 * @param unservable - requests that were rejected at any load, such as those that no KV cache can ever hold:
 * no sign of it
 */
export function saturation(bins: FlowBins, unservable = 0): Saturation {
  const { requests, rejected, timedOut, firstArrivalMs, lastArrivalMs, widthMs, completed } = bins
  const spanMs = lastArrivalMs - firstArrivalMs
  const offered = ((requests - 1) / spanMs) * 1000
  const levels = levelsOf(bins)
  const { waiting, present, endedBy } = levels
  const from = Math.floor((firstArrivalMs + spanMs / 2) / widthMs)
  // The stretch of the last arrival is not over when arrivals are.
  const to = Math.max(from, Math.floor(lastArrivalMs / widthMs))
  const perSec = 1000 / widthMs
  const waitingGrowth = slope(waiting, from, to) * perSec
  const backlogGrowth = slope(present, from, to) * perSec
  const last = Math.max(0, to - 1)
  const peak = waiting.reduce((best, value, i) => (value > waiting[best]! ? i : best), 0)
  const peakWaiting = waiting[peak] ?? 0
  const atLast = waiting[last] ?? 0
  const meanResidenceMs = bins.residenceMs / completed
  const drainMs = Math.max(0, bins.lastEndMs - lastArrivalMs)
  // Where draining took so long that arrivals fill no two stretches, its length tells.
  const isLongDrain = Number.isNaN(waitingGrowth) && spanMs > 0 && drainMs > spanMs
  const queueGrows =
    (waitingGrowth > GROWTH_SHARE * offered || isLongDrain) &&
    atLast >= NEAR_PEAK * peakWaiting &&
    atLast >= FEW_WAITING
  const systemGrows =
    backlogGrowth > BACKLOG_SHARE * offered &&
    backlogGrowth * (spanMs / 2000) > CHANCE * Math.sqrt(present[last] ?? 0) &&
    (present[last] ?? 0) >= FEW_WAITING &&
    spanMs > LONG_RUN * meanResidenceMs
  const running = (present[peak] ?? 0) - peakWaiting
  const isQueued = peakWaiting >= FEW_WAITING && peakWaiting > running
  const windowMs = (last + 1) * widthMs - firstArrivalMs
  const unserved = (rejected - unservable + timedOut) / (requests - unservable)
  const isOverloaded = unserved >= MANY_UNSERVED || queueGrows || systemGrows
  return {
    verdict: isOverloaded ? 'overloaded' : isQueued ? 'backlogged' : 'stable',
    offered_per_sec: orNull(offered),
    completed_per_sec: windowMs > 0 ? orNull(((endedBy[last] ?? 0) / windowMs) * 1000) : null,
    rejected_share: orNull(rejected / requests),
    timed_out_share: orNull(timedOut / requests),
    waiting_growth_per_sec: orNull(waitingGrowth),
    backlog_growth_per_sec: orNull(backlogGrowth),
    waiting_at_last_arrival: atLast,
    peak_waiting: peakWaiting,
    running_at_peak: running,
    drain_ms: orNull(drainMs),
  }
}

interface Levels {
  /** At the end of each stretch. */
  readonly waiting: Float64Array
  readonly present: Float64Array
  readonly endedBy: Float64Array
}

function levelsOf({ arrived, admitted, ended }: FlowBins): Levels {
  const waiting = new Float64Array(arrived.length)
  const present = new Float64Array(arrived.length)
  const endedBy = new Float64Array(arrived.length)
  let arrivedSoFar = 0
  let admittedSoFar = 0
  let endedSoFar = 0
  for (let i = 0; i < arrived.length; i++) {
    arrivedSoFar += arrived[i]!
    admittedSoFar += admitted[i]!
    endedSoFar += ended[i]!
    waiting[i] = arrivedSoFar - admittedSoFar
    present[i] = arrivedSoFar - endedSoFar
    endedBy[i] = endedSoFar
  }
  return { waiting, present, endedBy }
}

/** Least-squares slope per stretch over `from` to before `to`; NaN with fewer than two. */
function slope(values: Float64Array, from: number, to: number): number {
  const n = to - from
  if (n < 2) return Number.NaN
  const middle = (n - 1) / 2
  let covariance = 0
  let variance = 0
  for (let i = 0; i < n; i++) {
    covariance += (i - middle) * values[from + i]!
    variance += (i - middle) ** 2
  }
  return covariance / variance
}
