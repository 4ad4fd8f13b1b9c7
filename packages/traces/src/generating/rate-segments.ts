import type { RandomStream } from '@routesim/core'
import type { ArrivalsSpec, DiurnalRate, OnOffRate, RateStage } from './arrivals-spec.js'

/** A stretch of time in which the rate of arrivals has a simple form. */
export interface RateSegment {
  /** Its length; may be infinite. */
  readonly durationMs: number
  /** Arrivals expected in its first `ms`. */
  expected(ms: number): number
  /** The time from its start at which so many are expected, at most all that are. */
  timeOf(arrivals: number): number
}

/** The rate of arrivals over time, stretch by stretch. Random ones draw from `random`. */
export function* rateSegments(spec: ArrivalsSpec, random: RandomStream): Generator<RateSegment> {
  if (spec.stages !== undefined) {
    for (const stage of spec.stages) yield linearSegment(stage)
  } else if (spec.onOff !== undefined) yield* onOffSegments(spec.onOff, random)
  else if (spec.diurnal !== undefined) yield sineSegment(spec.diurnal)
  else yield linearSegment({ durationSec: Number.POSITIVE_INFINITY, rateRps: spec.rateRps! })
}

/** A rate that is constant or changes evenly. */
export function linearSegment({ durationSec, rateRps, toRateRps }: RateStage): RateSegment {
  const durationMs = durationSec * 1000
  const perMs = rateRps / 1000
  const change =
    toRateRps === undefined || toRateRps === rateRps ? 0 : (toRateRps - rateRps) / 1000 / durationMs
  return {
    durationMs,
    expected: (ms) => perMs * ms + (change * ms * ms) / 2,
    timeOf(arrivals) {
      if (arrivals === 0) return 0
      if (change === 0) return arrivals / perMs
      // The smaller root of change/2 t^2 + perMs t = arrivals, in the form that does not cancel.
      const root = Math.sqrt(Math.max(0, perMs * perMs + 2 * change * arrivals))
      return Math.min((2 * arrivals) / (perMs + root), durationMs)
    },
  }
}

function* onOffSegments(rate: OnOffRate, random: RandomStream): Generator<RateSegment> {
  const { onRateRps, offRateRps, onSec, everySec, lengths } = rate
  const length = (sec: number): number => (lengths === 'fixed' ? sec : random.exponential(sec))
  for (;;) {
    yield linearSegment({ durationSec: length(onSec), rateRps: onRateRps })
    yield linearSegment({ durationSec: length(everySec - onSec), rateRps: offRateRps })
  }
}

/** The sine goes on for ever, so its inverse is found by bisection between two certain bounds. */
function sineSegment({ peakRateRps, troughRateRps, periodSec }: DiurnalRate): RateSegment {
  const mean = (peakRateRps + troughRateRps) / 2 / 1000
  const swing = (peakRateRps - troughRateRps) / 2 / 1000
  const turn = (2 * Math.PI) / (periodSec * 1000)
  const expected = (ms: number): number => mean * ms + (swing / turn) * (1 - Math.cos(turn * ms))
  return {
    durationMs: Number.POSITIVE_INFINITY,
    expected,
    timeOf(arrivals) {
      let low = Math.max(0, (arrivals - (2 * swing) / turn) / mean)
      let high = arrivals / mean
      for (let i = 0; i < 200; i++) {
        const middle = low + (high - low) / 2
        if (middle === low || middle === high) break
        if (expected(middle) < arrivals) low = middle
        else high = middle
      }
      return high
    },
  }
}
