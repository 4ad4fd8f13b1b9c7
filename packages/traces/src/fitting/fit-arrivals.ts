import { RandomStream } from '@routesim/core'
import type { ArrivalsSpec, DiurnalRate, RateStage } from '../generating/arrivals-spec.js'
import { LARGEST_CV } from '../generating/check-arrivals.js'
import { logGamma, weibullShape } from '../generating/gap-sampler.js'
import { rateSegments } from '../generating/rate-segments.js'
import { gammaCdf } from './cumulative.js'
import { ksDistance } from './fit-distribution.js'
import { rounded } from './rounded.js'

/** Arrivals that a bin should have on average, so that its rate means something. */
const PER_BIN = 40
const MOST_BINS = 96
const MOST_STAGES = 24
/** A rate is taken to change when its counts say so at about this many standard deviations. */
const DEVIATIONS = 3

type Rate = Pick<ArrivalsSpec, 'rateRps' | 'stages' | 'diurnal'>

/**
 * An arrival process for some times in order: a rate that is constant, follows a sine or changes in
 * stages, whichever is the first that explains the counts, and gaps that are even, Poisson, gamma or
 * Weibull, whichever is closest where that rate is taken out.
 * @param ms - at least one time, from 0 to `durationSec`
 */
export function fitArrivals(ms: Float64Array, durationSec: number): ArrivalsSpec {
  const constant: Rate = { rateRps: rounded(ms.length / durationSec) }
  const { cv } = gapsOf(ms, constant)
  const bins = Math.min(MOST_BINS, Math.floor(ms.length / PER_BIN))
  const rate = bins < 4 ? constant : fitRate(ms, durationSec, bins, cv)
  return gapKind(ms, rate)
}

function fitRate(ms: Float64Array, durationSec: number, bins: number, cv: number): Rate {
  const binSec = durationSec / bins
  const counts = new Float64Array(bins)
  for (const each of ms) counts[Math.min(bins - 1, Math.floor(each / 1000 / binSec))]!++
  const mean = ms.length / bins
  // Counts of a renewal process vary as cv^2 times their mean, if the bins are long beside the gaps.
  let spread = Math.max(cv, 0.1) ** 2
  if (isExplained(counts, () => mean, spread, 1)) return { rateRps: rounded(mean / binSec) }
  const diurnal = fitSine(counts, binSec)
  if (diurnal !== undefined) {
    spread = Math.max(gapsOf(ms, { diurnal }).cv, 0.1) ** 2
    const expected = expectedPerBin({ diurnal }, bins, binSec)
    if (isExplained(counts, (bin) => expected[bin]!, spread, 3)) return { diurnal }
  }
  const each = { stages: stagesOf(counts, binSec, 0) }
  return { stages: stagesOf(counts, binSec, Math.max(gapsOf(ms, each).cv, 0.1) ** 2) }
}

/** Chi-squared over its degrees of freedom, which varies by sqrt(2 / freedom). */
function isExplained(
  counts: Float64Array,
  expected: (bin: number) => number,
  spread: number,
  parameters: number,
): boolean {
  const freedom = counts.length - parameters
  let sum = 0
  counts.forEach((count, bin) => {
    sum += (count - expected(bin)) ** 2 / Math.max(expected(bin), 1) / spread
  })
  return sum / freedom < 1 + DEVIATIONS * Math.sqrt(2 / freedom)
}

/**
 * Least squares over the periods that go one to twelve times into the time; the sine must start halfway
 * up, as those of workloads do.
 */
function fitSine(counts: Float64Array, binSec: number): DiurnalRate | undefined {
  const bins = counts.length
  const mean = counts.reduce((sum, count) => sum + count, 0) / bins
  let best: { periodSec: number; swing: number; power: number } | undefined
  for (let turns = 1; turns <= Math.min(12, bins / 4); turns += 0.125) {
    const angle = (2 * Math.PI * turns) / bins
    let sine = 0
    let cosine = 0
    counts.forEach((count, bin) => {
      sine += (count - mean) * Math.sin(angle * (bin + 0.5))
      cosine += (count - mean) * Math.cos(angle * (bin + 0.5))
    })
    const power = sine ** 2 + cosine ** 2
    if (sine <= 0 || Math.abs(cosine) > 0.2 * sine || power <= (best?.power ?? 0)) continue
    best = { periodSec: (bins * binSec) / turns, swing: (2 * sine) / bins, power }
  }
  if (best === undefined || best.swing > mean * 1.1) return undefined
  const [meanRps, swingRps] = [mean / binSec, Math.min(best.swing, mean) / binSec]
  return {
    peakRateRps: rounded(meanRps + swingRps),
    troughRateRps: rounded(Math.max(0, meanRps - swingRps)),
    periodSec: rounded(best.periodSec),
  }
}

function expectedPerBin(rate: Rate, bins: number, binSec: number): Float64Array {
  const upTo = cumulative(rate)
  return new Float64Array(bins).map(
    (_, bin) => upTo((bin + 1) * binSec * 1000) - upTo(bin * binSec * 1000),
  )
}

/** Neighbours whose rates do not differ for certain become one stage, the most alike first. */
function stagesOf(counts: Float64Array, binSec: number, spread: number): RateStage[] {
  const parts = Array.from(counts, (count) => ({ count, bins: 1 }))
  while (parts.length > 1) {
    let best = 0
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i + 1 < parts.length; i++) {
      const difference = unlikeness(parts[i]!, parts[i + 1]!)
      if (difference < least) {
        best = i
        least = difference
      }
    }
    const isAlike = least < DEVIATIONS ** 2 * spread
    if (!isAlike && (parts.length <= MOST_STAGES || spread === 0)) break
    const [right] = parts.splice(best + 1, 1)
    parts[best]!.count += right!.count
    parts[best]!.bins += right!.bins
  }
  return parts.map(({ count, bins }) => ({
    durationSec: rounded(bins * binSec, 6),
    rateRps: rounded(count / bins / binSec),
  }))
}

type Part = { readonly count: number; readonly bins: number }

/** Squared difference of two rates over its variance, for Poisson counts. */
function unlikeness(one: Part, other: Part): number {
  const rate = (one.count + other.count) / (one.bins + other.bins)
  const variance = rate / one.bins + rate / other.bins
  return variance === 0 ? 0 : (one.count / one.bins - other.count / other.bins) ** 2 / variance
}

function gapKind(ms: Float64Array, rate: Rate): ArrivalsSpec {
  const { gaps, cv } = gapsOf(ms, rate)
  if (gaps.length < 2) return { kind: 'poisson', ...rate }
  if (cv < 0.02) return { kind: 'constant', ...rate }
  if (Math.abs(cv - 1) < Math.max(0.03, 2 / Math.sqrt(gaps.length))) {
    return { kind: 'poisson', ...rate }
  }
  const given = rounded(Math.min(cv, LARGEST_CV), 3)
  const shape = 1 / given ** 2
  const power = weibullShape(given)
  const unit = Math.exp(-logGamma(1 + 1 / power))
  const gamma = ksDistance(gaps, (x) => gammaCdf(shape, x * shape))
  const weibull = ksDistance(gaps, (x) => (x <= 0 ? 0 : -Math.expm1(-((x / unit) ** power))))
  return { kind: weibull < gamma ? 'weibull' : 'gamma', cv: given, ...rate }
}

/** Gaps in the integral of the rate, of mean 1, in order of size; and how they vary. */
function gapsOf(ms: Float64Array, rate: Rate): { gaps: Float64Array; cv: number } {
  const upTo = cumulative(rate)
  const at = ms.map(upTo)
  const gaps = at.subarray(1).map((each, i) => each - at[i]!)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  if (!(mean > 0)) return { gaps: new Float64Array(0), cv: 1 }
  for (let i = 0; i < gaps.length; i++) gaps[i]! /= mean
  const variance = gaps.reduce((sum, gap) => sum + (gap - 1) ** 2, 0) / gaps.length
  return { gaps: gaps.sort(), cv: Math.sqrt(variance) }
}

/** Arrivals that a rate promises before a time in ms; times must be asked for in order. */
function cumulative(rate: Rate): (ms: number) => number {
  // Of such rates nothing is random.
  const segments = rateSegments({ kind: 'poisson', ...rate }, new RandomStream(0, ''))
  let segment = segments.next().value
  let startMs = 0
  let before = 0
  return (ms) => {
    while (segment !== undefined && ms > startMs + segment.durationMs) {
      before += segment.expected(segment.durationMs)
      startMs += segment.durationMs
      segment = segments.next().value
    }
    return before + (segment === undefined ? 0 : segment.expected(ms - startMs))
  }
}
