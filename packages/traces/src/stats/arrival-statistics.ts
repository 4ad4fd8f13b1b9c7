import { type Spread, spreadOf } from './spread.js'

/** How requests arrive. */
export interface ArrivalStatistics {
  /** From the first arrival to the last, in ms. */
  readonly spanMs: number
  readonly distinctTimes: number
  /** Requests per second: requests but one over the span; 0 without a span. */
  readonly meanRateRps: number
  /** Gaps between arrivals, in ms. */
  readonly gapMs: Spread
  /** Coefficient of variation of the gaps: 1 for Poisson, more for bursts, 0 for a metronome. */
  readonly gapCv: number
  /** Arrivals per bin of {@link binMs}, over the span. */
  readonly binMs: number
  readonly perBin: readonly number[]
  /** Variance of the counts per bin over their mean: 1 for Poisson. */
  readonly dispersion: number
  /** Autocorrelation of the counts per bin, at 1 to 10 bins apart. */
  readonly autocorrelation: readonly number[]
}

const BINS = 240
const LAGS = 10

/** Describes arrivals, which must be in order. */
export function arrivalStatistics(arrivalMs: Float64Array): ArrivalStatistics {
  const count = arrivalMs.length
  const first = arrivalMs[0] ?? 0
  const spanMs = (arrivalMs[count - 1] ?? 0) - first
  const gaps = new Float64Array(Math.max(0, count - 1))
  let distinctTimes = count > 0 ? 1 : 0
  for (let i = 1; i < count; i++) {
    gaps[i - 1] = arrivalMs[i]! - arrivalMs[i - 1]!
    if (gaps[i - 1]! > 0) distinctTimes++
  }
  const gapMs = spreadOf(gaps)
  const binMs = spanMs / BINS
  const perBin = new Array<number>(spanMs > 0 ? BINS : 0).fill(0)
  for (let i = 0; i < count && spanMs > 0; i++) {
    perBin[Math.min(BINS - 1, Math.floor((arrivalMs[i]! - first) / binMs))]!++
  }
  const { mean, sd } = spreadOf(Float64Array.from(perBin))
  return {
    spanMs,
    distinctTimes,
    meanRateRps: spanMs > 0 ? ((count - 1) / spanMs) * 1000 : 0,
    gapMs,
    gapCv: gapMs.mean > 0 ? gapMs.sd / gapMs.mean : 0,
    binMs,
    perBin,
    dispersion: mean > 0 ? sd ** 2 / mean : 0,
    autocorrelation: Array.from({ length: LAGS }, (_, lag) =>
      sd > 0 ? correlation(perBin, lag + 1, mean, sd) : 0,
    ),
  }
}

function correlation(values: readonly number[], lag: number, mean: number, sd: number): number {
  let sum = 0
  for (let i = lag; i < values.length; i++) sum += (values[i]! - mean) * (values[i - lag]! - mean)
  return sum / (values.length * sd ** 2)
}
