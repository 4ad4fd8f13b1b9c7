/** How requests arrive. */
export const GENERATOR_KINDS = ['poisson', 'constant', 'gamma', 'bursty', 'diurnal'] as const

/** A kind of arrival process. */
export type GeneratorKind = (typeof GENERATOR_KINDS)[number]

/** How lengths spread about their mean. */
export const LENGTH_DISTRIBUTIONS = ['lognormal', 'normal', 'fixed'] as const

/** A distribution of lengths in tokens. */
export type LengthDistribution = (typeof LENGTH_DISTRIBUTIONS)[number]

/** Options of {@link generateTrace}; every one has a default. */
export interface GeneratorOptions {
  /** Default `poisson`. */
  readonly kind?: GeneratorKind | undefined
  /** Default 42. */
  readonly seed?: number | undefined
  /** Requests per second; default 100. `bursty` and `diurnal` derive their rates from it. */
  readonly rateRps?: number | undefined
  /** Requests (first turns, for conversations) arrive within it; default 300. */
  readonly durationSec?: number | undefined

  /** `gamma`: coefficient of variation of the gaps between arrivals; default 2. 1 is Poisson. */
  readonly cv?: number | undefined
  /** `gamma`: the same as a shape, 1 / cv^2: below 1 is burstier than Poisson. */
  readonly burstiness?: number | undefined
  /** `bursty`: rate between bursts; default `rateRps`. */
  readonly baseRateRps?: number | undefined
  /** `bursty`: rate within bursts; default 3 times `rateRps`. */
  readonly burstRateRps?: number | undefined
  /** `bursty`: length of a burst, at the start of each interval; default 10. */
  readonly burstDurationSec?: number | undefined
  /** `bursty`: from the start of a burst to the next; default 60. */
  readonly burstIntervalSec?: number | undefined
  /** `diurnal`: highest rate; default `rateRps`. */
  readonly peakRateRps?: number | undefined
  /** `diurnal`: lowest rate; default 0.2 times `rateRps`. */
  readonly troughRateRps?: number | undefined
  /** `diurnal`: period of the sine, which starts halfway up; default a day, or a shorter trace. */
  readonly periodSec?: number | undefined

  /** Default 500 (mean) and 200 (standard deviation). */
  readonly promptTokensMean?: number | undefined
  readonly promptTokensStd?: number | undefined
  /** Default 150 and 50. A mean of 0 is for requests without output. */
  readonly genTokensMean?: number | undefined
  readonly genTokensStd?: number | undefined
  /** Default `lognormal`. */
  readonly lengthDistribution?: LengthDistribution | undefined

  /** Number of shared prefixes, 0 for none; default 10. */
  readonly numPrefixes?: number | undefined
  /** Each prefix has one length, drawn once; default 256 (mean) and 0 (standard deviation). */
  readonly prefixLenMean?: number | undefined
  readonly prefixLenStd?: number | undefined
  /** Default `uniform`. */
  readonly prefixPopularity?: 'uniform' | 'zipf' | undefined
  /** `zipf`: the k-th prefix is drawn in proportion to k^-exponent; default 1. */
  readonly zipfExponent?: number | undefined

  /**
   * Mean turns of a conversation (geometric); default 1, no conversations. Conversations start at
   * `rateRps` / `turnsMean`, so that requests arrive at about `rateRps`.
   */
  readonly turnsMean?: number | undefined
  /** Most conversations that start; given, even single turns belong to one. Default no limit. */
  readonly numSessions?: number | undefined
  /** Mean time from a turn's arrival to the next (exponential); default 10. */
  readonly thinkTimeMeanSec?: number | undefined
  /** New tokens of later turns; default as `promptTokensMean` and `promptTokensStd`. */
  readonly newTokensMean?: number | undefined
  readonly newTokensStd?: number | undefined
  /** A conversation ends before a turn whose prompt would be longer; default 131072. */
  readonly maxPromptTokens?: number | undefined
}
