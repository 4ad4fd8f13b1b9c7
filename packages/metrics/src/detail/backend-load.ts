import type { RunResult } from '@routesim/core'
import { IntervalMeans } from './interval-means.js'
import { roundValue } from './round-value.js'

/** What went on at one backend, one value per interval. */
export interface BackendLoad {
  readonly id: number
  /** Mean number of requests sent there and not yet admitted. */
  readonly waiting: readonly (number | null)[]
  /** Mean number of requests admitted and not yet ended. */
  readonly running: readonly (number | null)[]
  /** Cached share of the prompt tokens admitted in the interval; null when there were none. */
  readonly token_hit_rate: readonly (number | null)[]
}

/** Load of every backend over the measured part of a run. */
export interface LoadOverTime {
  /** Start of the first interval, in ms of the run. */
  readonly from_ms: number
  readonly interval_ms: number
  readonly backends: readonly BackendLoad[]
}

const MOST_INTERVALS = 120
const FEWEST_INTERVALS = 12
/** Numbers kept of each kind: the more backends, the longer the intervals. */
const MOST_VALUES = 8000

/**
 * Load by backend, from the times of all requests, those of the warm-up too. What a request does
 * before its first token counts for the backend that computes the prompt, the rest for the one that
 * decodes; time that a router holds a request counts as waiting where it is sent at last, and so does all
 * time before the last attempt of one that was sent again.
 */
export function loadOverTime(result: RunResult): LoadOverTime {
  const { requests, outcomes, sentMs, measuredFromMs: fromMs, endMs, backends } = result
  const count = Math.floor(MOST_VALUES / Math.max(1, backends.length))
  const most = Math.max(FEWEST_INTERVALS, Math.min(MOST_INTERVALS, count))
  const intervalMs = roundInterval((endMs - fromMs) / most)
  const intervals = Math.max(1, Math.ceil((endMs - fromMs) / intervalMs))
  const meters = backends.map(() => ({
    waiting: new IntervalMeans(fromMs, intervalMs, intervals),
    running: new IntervalMeans(fromMs, intervalMs, intervals),
    promptTokens: new Float64Array(intervals),
    cachedTokens: new Float64Array(intervals),
  }))
  for (let row = 0; row < requests.size; row++) {
    const prefill = meters[outcomes.prefillBackend[row]!]
    if (prefill === undefined) continue
    const admittedMs = outcomes.admittedMs[row]!
    const endedMs = orEnd(outcomes.finishedMs[row]!, endMs)
    const prefilledMs = Math.min(endedMs, orEnd(outcomes.firstTokenMs[row]!, endedMs))
    prefill.waiting.add(sentMs[row]!, orEnd(admittedMs, endedMs))
    prefill.running.add(admittedMs, prefilledMs)
    meters[outcomes.backend[row]!]?.running.add(prefilledMs, endedMs)
    if (!(admittedMs >= fromMs)) continue
    const interval = Math.min(intervals - 1, Math.floor((admittedMs - fromMs) / intervalMs))
    prefill.promptTokens[interval]! += requests.promptTokens[row]!
    prefill.cachedTokens[interval]! += outcomes.cachedTokens[row]!
  }
  return {
    from_ms: fromMs,
    interval_ms: intervalMs,
    backends: meters.map(({ waiting, running, promptTokens, cachedTokens }, id) => ({
      id,
      waiting: waiting.means().map(roundValue),
      running: running.means().map(roundValue),
      token_hit_rate: Array.from(cachedTokens, (cached, i) =>
        roundValue(cached / promptTokens[i]!),
      ),
    })),
  }
}

function orEnd(timeMs: number, endMs: number): number {
  return Number.isNaN(timeMs) ? endMs : timeMs
}

/** The next of 1, 2, 5, 10, 20, ... ms. */
function roundInterval(leastMs: number): number {
  if (!(leastMs > 1)) return 1
  const power = 10 ** Math.floor(Math.log10(leastMs))
  return power * [1, 2, 5, 10].find((step) => power * step >= leastMs * (1 - 1e-9))!
}
