import { closestName } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import { above, atLeast, LARGEST, whole } from './check-numbers.js'
import { invalidOption } from './generator-error.js'
import {
  GENERATOR_KINDS,
  type GeneratorKind,
  type GeneratorOptions,
  LENGTH_DISTRIBUTIONS,
} from './generator-options.js'
import { MOST_REQUESTS } from './too-many.js'

/** Options with every default in place, checked. */
export type ResolvedOptions = {
  readonly [K in Exclude<keyof GeneratorOptions, 'burstiness'>]-?: NonNullable<GeneratorOptions[K]>
} & { readonly hasSessions: boolean }

const DAY_SEC = 86_400

const ONLY_FOR: Partial<Record<keyof GeneratorOptions, GeneratorKind>> = {
  cv: 'gamma',
  burstiness: 'gamma',
  baseRateRps: 'bursty',
  burstRateRps: 'bursty',
  burstDurationSec: 'bursty',
  burstIntervalSec: 'bursty',
  peakRateRps: 'diurnal',
  troughRateRps: 'diurnal',
  periodSec: 'diurnal',
}

/** @throws RouteSimError `generator_invalid` */
export function resolveOptions(
  options: GeneratorOptions,
  mostRequests: number = MOST_REQUESTS,
): ResolvedOptions {
  const rateRps = options.rateRps ?? 100
  const durationSec = options.durationSec ?? 300
  const promptTokensMean = options.promptTokensMean ?? 500
  const promptTokensStd = options.promptTokensStd ?? 200
  const turnsMean = options.turnsMean ?? 1
  const numSessions = options.numSessions ?? Number.MAX_SAFE_INTEGER
  const resolved: ResolvedOptions = {
    kind: options.kind ?? 'poisson',
    seed: options.seed ?? 42,
    rateRps,
    durationSec,
    cv: options.cv ?? (options.burstiness === undefined ? 2 : 1 / Math.sqrt(options.burstiness)),
    baseRateRps: options.baseRateRps ?? rateRps,
    burstRateRps: options.burstRateRps ?? 3 * rateRps,
    burstDurationSec: options.burstDurationSec ?? 10,
    burstIntervalSec: options.burstIntervalSec ?? 60,
    peakRateRps: options.peakRateRps ?? rateRps,
    troughRateRps: options.troughRateRps ?? 0.2 * rateRps,
    periodSec: options.periodSec ?? Math.min(DAY_SEC, durationSec),
    promptTokensMean,
    promptTokensStd,
    genTokensMean: options.genTokensMean ?? 150,
    genTokensStd: options.genTokensStd ?? (options.genTokensMean === 0 ? 0 : 50),
    lengthDistribution: options.lengthDistribution ?? 'lognormal',
    numPrefixes: options.numPrefixes ?? 10,
    prefixLenMean: options.prefixLenMean ?? 256,
    prefixLenStd: options.prefixLenStd ?? 0,
    prefixPopularity: options.prefixPopularity ?? 'uniform',
    zipfExponent: options.zipfExponent ?? 1,
    turnsMean,
    numSessions,
    hasSessions: turnsMean > 1 || options.numSessions !== undefined,
    thinkTimeMeanSec: options.thinkTimeMeanSec ?? 10,
    newTokensMean: options.newTokensMean ?? promptTokensMean,
    newTokensStd: options.newTokensStd ?? promptTokensStd,
    maxPromptTokens: options.maxPromptTokens ?? 131_072,
  }
  checkChoices(resolved)
  checkStrays(options, resolved.kind)
  checkNumbers(options, resolved, mostRequests)
  return resolved
}

function checkChoices(o: ResolvedOptions): void {
  oneOf('kind', o.kind, GENERATOR_KINDS)
  oneOf('lengthDistribution', o.lengthDistribution, LENGTH_DISTRIBUTIONS)
  oneOf('prefixPopularity', o.prefixPopularity, ['uniform', 'zipf'])
}

function checkStrays(options: GeneratorOptions, kind: GeneratorKind): void {
  for (const [name, owner] of Object.entries(ONLY_FOR)) {
    if (owner === kind || options[name as keyof GeneratorOptions] === undefined) continue
    throw invalidOption(name, `nothing, as it belongs to the generator ${owner}`, `it with ${kind}`)
  }
  if (options.cv !== undefined && options.burstiness !== undefined) {
    throw invalidOption('burstiness', 'nothing beside cv', options.burstiness)
  }
}

function checkNumbers(options: GeneratorOptions, o: ResolvedOptions, mostRequests: number): void {
  if (!Number.isSafeInteger(o.seed) || o.seed < 0)
    throw invalidOption('seed', 'an integer >= 0', o.seed)
  if (options.burstiness !== undefined) above('burstiness', options.burstiness, 0)
  for (const name of ['rateRps', 'durationSec', 'cv'] as const) above(name, o[name], 0)
  checkRates(o)
  atLeast('thinkTimeMeanSec', o.thinkTimeMeanSec, 0)
  for (const name of ['promptTokensStd', 'genTokensStd', 'prefixLenStd', 'newTokensStd'] as const) {
    atLeast(name, o[name], 0)
  }
  atLeast('zipfExponent', o.zipfExponent, 0)
  for (const name of ['promptTokensMean', 'prefixLenMean', 'newTokensMean', 'turnsMean'] as const) {
    atLeast(name, o[name], 1)
  }
  if (o.genTokensMean !== 0) atLeast('genTokensMean', o.genTokensMean, 1)
  else if (o.genTokensStd !== 0)
    throw invalidOption('genTokensStd', '0 for a mean of 0', o.genTokensStd)
  whole('numPrefixes', o.numPrefixes, 0, 1e7)
  whole('numSessions', o.numSessions, 1, Number.MAX_SAFE_INTEGER)
  whole('maxPromptTokens', o.maxPromptTokens, 1, LARGEST)
  // Rarer gaps than these leave nothing but simultaneous arrivals in float64.
  if (o.cv > 20) throw invalidOption('cv', 'at most 20 (burstiness at least 0.0025)', o.cv)
  if (o.kind === 'bursty' && o.durationSec / o.burstIntervalSec > MOST_REQUESTS) {
    throw invalidOption('burstIntervalSec', `at most ${MOST_REQUESTS} bursts`, o.burstIntervalSec)
  }
  const expected = mostExpected(o)
  if (expected > mostRequests) {
    throw traceError(
      'generator_invalid',
      `durationSec: expected time for at most ${mostRequests} requests, got time for about ${Number(expected.toPrecision(3))}`,
      { path: 'durationSec', hint: 'Lower the rate or the duration.' },
    )
  }
}

/** The rates of the kinds that have their own; those of other kinds are not looked at. */
function checkRates(o: ResolvedOptions): void {
  if (o.kind === 'bursty') {
    for (const name of ['burstRateRps', 'burstDurationSec', 'burstIntervalSec'] as const) {
      above(name, o[name], 0)
    }
    atLeast('baseRateRps', o.baseRateRps, 0)
    if (o.burstDurationSec > o.burstIntervalSec) {
      throw invalidOption(
        'burstDurationSec',
        `at most burstIntervalSec, ${o.burstIntervalSec}`,
        o.burstDurationSec,
      )
    }
  }
  if (o.kind === 'diurnal') {
    above('peakRateRps', o.peakRateRps, 0)
    above('periodSec', o.periodSec, 0)
    atLeast('troughRateRps', o.troughRateRps, 0)
    if (o.troughRateRps > o.peakRateRps) {
      throw invalidOption('troughRateRps', `at most peakRateRps, ${o.peakRateRps}`, o.troughRateRps)
    }
  }
}

/** Requests per second, at most: the highest of those that a kind goes through. */
function mostExpected(o: ResolvedOptions): number {
  return highestRate(o) * o.durationSec
}

function highestRate(o: ResolvedOptions): number {
  if (o.kind === 'bursty') return Math.max(o.baseRateRps, o.burstRateRps)
  return o.kind === 'diurnal' ? o.peakRateRps : o.rateRps
}

function oneOf(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return
  const near = typeof value === 'string' ? closestName(value, choices) : undefined
  throw invalidOption(name, choices.join(', '), value, near && `Did you mean ${near}?`)
}
