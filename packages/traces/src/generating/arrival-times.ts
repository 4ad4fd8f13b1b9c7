import type { RandomStream } from '@routesim/core'
import type { ResolvedOptions } from './resolve-options.js'

/**
 * Times of arrival in ms, rising, below the duration. All rates are multiplied by `scale`.
 */
export function arrivalTimes(
  options: ResolvedOptions,
  scale: number,
  random: RandomStream,
): Generator<number> {
  const endMs = options.durationSec * 1000
  const perMs = (options.rateRps * scale) / 1000
  switch (options.kind) {
    case 'constant':
      return constant(perMs, endMs)
    case 'gamma':
      return gamma(perMs, options.cv, endMs, random)
    case 'bursty':
      return bursty(options, scale, endMs, random)
    case 'diurnal':
      return diurnal(options, scale, endMs, random)
    default:
      return poisson(perMs, endMs, random)
  }
}

function* constant(perMs: number, endMs: number): Generator<number> {
  for (let i = 0; i / perMs < endMs; i++) yield i / perMs
}

function* poisson(perMs: number, endMs: number, random: RandomStream): Generator<number> {
  let t = random.exponential(1 / perMs)
  for (; t < endMs; t += random.exponential(1 / perMs)) yield t
}

function* gamma(perMs: number, cv: number, endMs: number, random: RandomStream): Generator<number> {
  const shape = 1 / (cv * cv)
  const scale = 1 / (perMs * shape)
  for (let t = random.gamma(shape, scale); t < endMs; t += random.gamma(shape, scale)) yield t
}

/** Exact: within a stretch of one rate the process has no memory, so each stretch starts afresh. */
function* bursty(
  options: ResolvedOptions,
  scale: number,
  endMs: number,
  random: RandomStream,
): Generator<number> {
  const burstMs = options.burstDurationSec * 1000
  const intervalMs = options.burstIntervalSec * 1000
  for (let i = 0; i * intervalMs < endMs; i++) {
    const burstEnd = i * intervalMs + burstMs
    const next = (i + 1) * intervalMs
    const burstPerMs = (options.burstRateRps * scale) / 1000
    yield* stretch(i * intervalMs, Math.min(burstEnd, endMs), burstPerMs, random)
    const basePerMs = (options.baseRateRps * scale) / 1000
    yield* stretch(burstEnd, Math.min(next, endMs), basePerMs, random)
  }
}

function* stretch(
  fromMs: number,
  toMs: number,
  perMs: number,
  random: RandomStream,
): Generator<number> {
  if (perMs === 0 || fromMs >= toMs) return
  let t = fromMs + random.exponential(1 / perMs)
  for (; t < toMs; t += random.exponential(1 / perMs)) yield t
}

/** Thinning (Lewis and Shedler, 1979): candidates at the peak rate, kept as the rate of the hour. */
function* diurnal(
  options: ResolvedOptions,
  scale: number,
  endMs: number,
  random: RandomStream,
): Generator<number> {
  const { peakRateRps, troughRateRps, periodSec } = options
  const turn = (2 * Math.PI) / (periodSec * 1000)
  for (const t of poisson((peakRateRps * scale) / 1000, endMs, random)) {
    const height = (1 + Math.sin(t * turn)) / 2
    const rate = troughRateRps + (peakRateRps - troughRateRps) * height
    if (random.float() * peakRateRps < rate) yield t
  }
}
