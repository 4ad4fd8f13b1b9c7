import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'
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
  /** Requests per second that were completed in that time; null when all came at once. */
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
  /** Requests that waited at the last arrival. */
  readonly waiting_at_last_arrival: number
  /**
   * Requests that waited at most. Looked at 32768 times or more from the first arrival to the last end, so that
   * a request that waits for less than the time between two looks may be missed.
   */
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
/**
 * Arrivals must last this many times as long as a request, or as the first did where they stay longer and longer,
 * before a growing number in work means anything.
 */
const LONG_RUN = 4
/**
 * Growth of all requests in the system, but for what follows from a rate that rises, beyond this share of the
 * offered rate.
 */
const BACKLOG_SHARE = 0.05
/** Part of the arrivals that counts as the first. */
const FIRST_SHARE = 1 / 8
/** Requests that stay so many times as long as the first did show a fleet that falls behind, however short the run. */
const MUCH_LONGER = 2

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
 * @throws RouteSimError `arrivals_unknown` when requests ended that were not told of as they arrived
 */
export function saturation(bins: FlowBins, unservable = 0): Saturation {
  const { requests, rejected, timedOut, firstArrivalMs, lastArrivalMs, widthMs, completed } = bins
  if (requests > 0 && firstArrivalMs > lastArrivalMs) throw arrivalsUnknown(requests)
  const spanMs = lastArrivalMs - firstArrivalMs
  const offered = ((requests - 1) / spanMs) * 1000
  const { waiting, present, peak, isQueued } = levelsOf(bins)
  const from = bins.binOf(firstArrivalMs + spanMs / 2)
  // The stretch of the last arrival is not over when arrivals are.
  const to = Math.min(bins.used, Math.max(from, bins.binOf(lastArrivalMs)))
  const perSec = 1000 / widthMs
  const waitingGrowth = slope(waiting, from, to) * perSec
  const backlogGrowth = slope(present, from, to) * perSec
  const meanResidenceMs = bins.residenceMs / completed
  const peakWaiting = waiting[peak] ?? 0
  const waitingAtLast = bins.counted - bins.admittedByLastArrival
  const presentAtLast = bins.counted - bins.endedByLastArrival
  const drainMs = Math.max(0, bins.lastEndMs - lastArrivalMs)
  // Where draining took so long that arrivals fill no two stretches, its length tells.
  const isLongDrain = Number.isNaN(waitingGrowth) && spanMs > 0 && drainMs > spanMs
  const queueGrows =
    (waitingGrowth > GROWTH_SHARE * offered || isLongDrain) &&
    waitingAtLast >= NEAR_PEAK * peakWaiting &&
    waitingAtLast >= FEW_WAITING
  const isGrowth = (growth: number): boolean =>
    growth > BACKLOG_SHARE * offered && growth * (spanMs / 2000) > CHANCE * Math.sqrt(presentAtLast)
  // Of requests that all stay as long, more are there as more come (Little's law).
  const growthWithRate = (stayMs: number): number =>
    slope(presentIfAlike(bins, Math.round(stayMs / widthMs)), from, to) * perSec
  const growsBeyond = (stayMs: number): boolean =>
    spanMs > LONG_RUN * stayMs &&
    isGrowth(backlogGrowth) &&
    isGrowth(backlogGrowth - growthWithRate(stayMs))
  // In a fleet that falls behind they stay longer and longer, and the mean of a short run tells of its end.
  const firstStayMs = bins.stayedMsUntil(firstArrivalMs + spanMs * FIRST_SHARE)
  const isLate = presentAtLast >= MUCH_LONGER * firstStayMs * (offered / 1000)
  const systemGrows =
    presentAtLast >= FEW_WAITING &&
    (growsBeyond(meanResidenceMs) || (isLate && growsBeyond(firstStayMs)))
  const unserved = (rejected - unservable + timedOut) / (requests - unservable)
  const isOverloaded = unserved >= MANY_UNSERVED || queueGrows || systemGrows
  return {
    verdict: isOverloaded ? 'overloaded' : isQueued ? 'backlogged' : 'stable',
    offered_per_sec: orNull(offered),
    completed_per_sec: spanMs > 0 ? orNull((bins.endedByLastArrival / spanMs) * 1000) : null,
    rejected_share: orNull(rejected / requests),
    timed_out_share: orNull(timedOut / requests),
    waiting_growth_per_sec: orNull(waitingGrowth),
    backlog_growth_per_sec: orNull(backlogGrowth),
    waiting_at_last_arrival: waitingAtLast,
    peak_waiting: peakWaiting,
    running_at_peak: (present[peak] ?? 0) - peakWaiting,
    drain_ms: orNull(drainMs),
  }
}

function arrivalsUnknown(requests: number): RouteSimError<MetricsErrorCode> {
  return new RouteSimError(
    `saturation: expected to be told of ${requests} requests as they arrived, got none`,
    {
      code: 'arrivals_unknown',
      hint: 'Give the simulation RequestStatistics.hearing(source) in place of the source.',
    },
  )
}

interface Levels {
  /** Requests at the end of each stretch. */
  readonly waiting: Int32Array
  readonly present: Int32Array
  /** The first stretch at whose end most waited. */
  readonly peak: number
  /** Whether at times many waited, and more than were in work. */
  readonly isQueued: boolean
}

function levelsOf({ arrived, admitted, ended, used }: FlowBins): Levels {
  const waiting = new Int32Array(used)
  const present = new Int32Array(used)
  let peak = 0
  let isQueued = false
  let nowWaiting = 0
  let nowPresent = 0
  for (let i = 0; i < used; i++) {
    nowWaiting += arrived[i]! - admitted[i]!
    nowPresent += arrived[i]! - ended[i]!
    waiting[i] = nowWaiting
    present[i] = nowPresent
    if (nowWaiting > waiting[peak]!) peak = i
    isQueued ||= nowWaiting >= FEW_WAITING && nowWaiting > nowPresent - nowWaiting
  }
  return { waiting, present, peak, isQueued }
}

/** Requests at the end of each stretch if each stayed for so many. */
function presentIfAlike({ arrived, used }: FlowBins, stretches: number): Int32Array {
  const present = new Int32Array(used)
  let now = 0
  for (let i = 0; i < used; i++) {
    now += arrived[i]! - (i < stretches ? 0 : arrived[i - stretches]!)
    present[i] = now
  }
  return present
}

/** Least-squares slope per stretch over `from` to before `to`; NaN with fewer than two. */
function slope(values: Int32Array, from: number, to: number): number {
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
