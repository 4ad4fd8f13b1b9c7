import { RandomStream } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gapsOf, ksDistance, ksLimit, moments } from '../testing/statistics.js'
import { arrivalTimes } from './arrival-times.js'
import type { ArrivalsSpec, RateStage } from './arrivals-spec.js'
import { logGamma, weibullShape } from './gap-sampler.js'
import { linearSegment, rateSegments } from './rate-segments.js'
import { expectedArrivals } from './workload-extent.js'

const SEED = 7

function times(spec: ArrivalsSpec, sec: number, seed = SEED): number[] {
  const [random, states] = [new RandomStream(seed, 'a'), new RandomStream(seed, 's')]
  return [...arrivalTimes(spec, sec * 1000, random, states)]
}

/** The integral of the rate up to each arrival: what becomes of them at rate 1. */
function unitTimes(stages: readonly RateStage[], arrivals: readonly number[]): number[] {
  return arrivals.map((ms) => {
    let sum = 0
    let start = 0
    for (const stage of stages) {
      const segment = linearSegment(stage)
      if (ms >= start) sum += segment.expected(Math.min(ms - start, segment.durationMs))
      start += segment.durationMs
    }
    return sum
  })
}

const exponential = (x: number): number => 1 - Math.exp(-x)

describe('gaps', () => {
  it('weibull: the distribution of the shape that the variation asks for', () => {
    for (const cv of [0.4, 1, 2.5]) {
      const gaps = gapsOf(times({ kind: 'weibull', cv, rateRps: 100 }, 200))
      const shape = weibullShape(cv)
      const scale = 10 / Math.exp(logGamma(1 + 1 / shape))
      expect(ksDistance(gaps, (x) => 1 - Math.exp(-((x / scale) ** shape)))).toBeLessThan(
        ksLimit(gaps.length),
      )
      expect(Math.abs(moments(gaps).mean / 10 - 1)).toBeLessThan((4 * cv) / Math.sqrt(gaps.length))
    }
    expect(weibullShape(1)).toBeCloseTo(1, 9)
    expect(weibullShape(Math.sqrt(5))).toBeCloseTo(0.5, 9) // Gamma(5) / Gamma(3)^2 - 1 = 5
    expect(Math.exp(logGamma(5))).toBeCloseTo(24, 9)
    expect(Math.exp(logGamma(0.5)) ** 2).toBeCloseTo(Math.PI, 9)
  })

  it('gamma: as bursty as asked, with the rate kept', () => {
    for (const cv of [0.5, 2, 5]) {
      const spread = moments(gapsOf(times({ kind: 'gamma', cv, rateRps: 100 }, 400)))
      expect(Math.abs(spread.cv / cv - 1)).toBeLessThan(0.08)
      expect(Math.abs(spread.mean / 10 - 1)).toBeLessThan((4 * cv) / 200)
    }
  })
})

describe('rates that change', () => {
  const stages = [
    { durationSec: 100, rateRps: 20 },
    { durationSec: 100, rateRps: 20, toRateRps: 100 },
    { durationSec: 50, rateRps: 0 },
    { durationSec: 100, rateRps: 60, toRateRps: 0 },
  ]

  it('stages: a Poisson process of the rate at every moment, and none where it is 0', () => {
    const arrivals = times({ kind: 'poisson', stages }, 1000)
    expect(Math.abs(arrivals.length - 11_000)).toBeLessThan(3 * Math.sqrt(11_000))
    const gaps = gapsOf(unitTimes(stages, arrivals))
    expect(ksDistance(gaps, exponential)).toBeLessThan(ksLimit(gaps.length))
    expect(arrivals.some((ms) => ms > 200_000 && ms < 250_000)).toBe(false)
    expect(arrivals.at(-1)).toBeLessThan(350_000)
  })

  it('a ladder: every rung has its rate', () => {
    const rungs = [5, 10, 20, 40].map((rateRps) => ({ durationSec: 200, rateRps }))
    const arrivals = times({ kind: 'gamma', cv: 1.5, stages: rungs }, 800)
    rungs.forEach(({ rateRps }, i) => {
      const count = arrivals.filter((ms) => Math.floor(ms / 200_000) === i).length
      expect(Math.abs(count - 200 * rateRps)).toBeLessThan(3.5 * 1.5 * Math.sqrt(200 * rateRps))
    })
  })

  it('constant gaps follow the rate: the integral grows by 1 from one to the next', () => {
    const arrivals = times({ kind: 'constant', stages }, 1000)
    expect(arrivals).toHaveLength(11_000)
    unitTimes(stages, arrivals).forEach((at, i) => {
      expect(Math.abs(at - i)).toBeLessThan(1e-6)
    })
  })

  it('on and off: really bursts, at the mean rate', () => {
    const onOff = { onRateRps: 200, offRateRps: 5, onSec: 2, everySec: 10 } as const
    for (const lengths of ['fixed', 'exponential'] as const) {
      const spec: ArrivalsSpec = { kind: 'poisson', onOff: { ...onOff, lengths } }
      const arrivals = times(spec, 4000)
      const expected = expectedArrivals(spec, 4_000_000)
      expect(expected).toBe(176_000)
      expect(Math.abs(arrivals.length / expected - 1)).toBeLessThan(
        lengths === 'fixed' ? 0.01 : 0.2,
      )
      // Counts per second vary far more than those of a Poisson process, which vary as their mean.
      const counts = new Array<number>(4000).fill(0)
      for (const ms of arrivals) counts[Math.floor(ms / 1000)]!++
      const { mean, std } = moments(counts)
      expect(std ** 2 / mean).toBeGreaterThan(50)
    }
  })

  it('of every kind: gaps in the integral have the variation asked for', () => {
    const diurnal = { peakRateRps: 100, troughRateRps: 20, periodSec: 300 }
    const spec: ArrivalsSpec = { kind: 'weibull', cv: 2, diurnal }
    const [sine] = rateSegments(spec, new RandomStream(1, ''))
    const spread = moments(gapsOf(times(spec, 900).map((ms) => sine!.expected(ms))))
    expect(Math.abs(spread.mean - 1)).toBeLessThan(0.04)
    expect(Math.abs(spread.cv / 2 - 1)).toBeLessThan(0.08)
  })

  it('the time of so many arrivals is the inverse of how many are expected', () => {
    const rate = fc.double({ min: 0, max: 1e4, noNaN: true })
    const stage = fc.record({
      durationSec: fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
      rateRps: rate,
      toRateRps: rate,
    })
    const share = fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1, noNaN: true }))
    fc.assert(
      fc.property(stage, share, (given, share) => {
        const segment = linearSegment(given)
        const whole = segment.expected(segment.durationMs)
        if (whole < 1e-6) return
        const at = segment.timeOf(whole * share)
        expect(at).toBeGreaterThanOrEqual(0)
        expect(at).toBeLessThanOrEqual(segment.durationMs * (1 + 1e-12))
        expect(Math.abs(segment.expected(at) - whole * share)).toBeLessThan(1e-6 * whole)
      }),
      { numRuns: 2000 },
    )
  })
})
