/** What the gaps between arrivals are like, at a constant rate. */
export const ARRIVAL_KINDS = [
  'poisson',
  'constant',
  'gamma',
  'weibull',
  'at_once',
  'users',
] as const

/** A kind of arrival process. */
export type ArrivalKind = (typeof ARRIVAL_KINDS)[number]

/** Rate over some time, constant or changing evenly. */
export interface RateStage {
  readonly durationSec: number
  /** Requests per second, at its start. */
  readonly rateRps: number
  /** The rate at its end; absent: the same. */
  readonly toRateRps?: number | undefined
}

/** Two rates in turn, the higher first. */
export interface OnOffRate {
  readonly onRateRps: number
  readonly offRateRps: number
  /** How long the first holds; the mean, for `exponential`. */
  readonly onSec: number
  /** From its start to its next start; the mean, for `exponential`. */
  readonly everySec: number
  /** Whether these times are always the same, or memoryless: then Poisson arrivals are an MMPP. */
  readonly lengths: 'fixed' | 'exponential'
}

/** A sine that starts halfway up. */
export interface DiurnalRate {
  readonly peakRateRps: number
  readonly troughRateRps: number
  readonly periodSec: number
}

/**
 * How requests, or first turns of conversations, arrive: gaps of some kind, at one rate or at one that
 * changes (`stages`, `onOff`, `diurnal`), of which exactly one is given.
 *
 * Where the rate changes, gaps are stretched and compressed with it: an arrival takes place when the
 * integral of the rate has grown by a gap of mean 1. `at_once`: all at the beginning, to be held back by
 * a limit of requests in flight. `users`: so many users who send one conversation after another, each
 * as soon as the one before has ended or, with `rateRps`, a turn every `users / rateRps` seconds.
 */
export interface ArrivalsSpec {
  readonly kind: ArrivalKind
  /** `gamma`, `weibull`: coefficient of variation of the gaps; 1 is Poisson, above is burstier. */
  readonly cv?: number | undefined
  /** Requests per second. */
  readonly rateRps?: number | undefined
  readonly stages?: readonly RateStage[] | undefined
  readonly onOff?: OnOffRate | undefined
  readonly diurnal?: DiurnalRate | undefined
  /**
   * Requests come together, at multiples of so many seconds: as those of a trace whose times are whole
   * ticks. Turns that follow the arrival before, answered or not, come so too.
   */
  readonly tickSec?: number | undefined
  /** `users`: how many. */
  readonly users?: number | undefined
}
