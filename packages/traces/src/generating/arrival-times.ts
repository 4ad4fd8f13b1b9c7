import type { RandomStream } from '@routesim/core'
import type { ArrivalsSpec, DiurnalRate, OnOffRate } from './arrivals-spec.js'
import { gapSampler } from './gap-sampler.js'
import { rateSegments } from './rate-segments.js'

/**
 * Times of arrival in ms, not falling, below `endMs`: of every kind but `users`.
 *
 * @param random - of the gaps
 * @param states - of the lengths of on and off times
 */
export function arrivalTimes(
  spec: ArrivalsSpec,
  endMs: number,
  random: RandomStream,
  states: RandomStream,
): Generator<number> {
  const times = untickedTimes(spec, endMs, random, states)
  return spec.tickSec === undefined ? times : onTicks(times, spec.tickSec * 1000)
}

function* onTicks(times: Iterable<number>, tickMs: number): Generator<number> {
  for (const ms of times) yield Math.floor(ms / tickMs) * tickMs
}

function untickedTimes(
  spec: ArrivalsSpec,
  endMs: number,
  random: RandomStream,
  states: RandomStream,
): Generator<number> {
  if (spec.kind === 'at_once') return atOnce()
  if (spec.rateRps !== undefined) return atOneRate(spec, spec.rateRps / 1000, endMs, random)
  if (spec.kind === 'poisson') {
    // No memory: simpler forms, whose draws earlier versions made too.
    if (spec.onOff?.lengths === 'fixed') return bursts(spec.onOff, endMs, random)
    if (spec.diurnal !== undefined) return thinned(spec.diurnal, endMs, random)
  }
  return atChangingRate(spec, endMs, random, states)
}

function* atOnce(): Generator<number> {
  for (;;) yield 0
}

function* atOneRate(
  spec: ArrivalsSpec,
  perMs: number,
  endMs: number,
  random: RandomStream,
): Generator<number> {
  if (spec.kind === 'constant') {
    for (let i = 0; i / perMs < endMs; i++) yield i / perMs
    return
  }
  const gap = gapSampler(spec, random)
  for (let t = gap(perMs); t < endMs; t += gap(perMs)) yield t
}

/** Gaps of mean 1 in the integral of the rate (operational time; Cinlar, 1975). */
function* atChangingRate(
  spec: ArrivalsSpec,
  endMs: number,
  random: RandomStream,
  states: RandomStream,
): Generator<number> {
  const gap = gapSampler(spec, random)
  let startMs = 0
  // Of the integral, from the start of the segment to the next arrival.
  let left = spec.kind === 'constant' ? 0 : gap(1)
  for (const segment of rateSegments(spec, states)) {
    const { durationMs } = segment
    const whole =
      durationMs === Number.POSITIVE_INFINITY ? durationMs : segment.expected(durationMs)
    for (; left < whole; left += gap(1)) {
      const t = startMs + segment.timeOf(left)
      if (t >= endMs) return
      yield t
    }
    left -= whole
    startMs += durationMs
    if (startMs >= endMs) return
  }
}

/** Exact: within a stretch of one rate the process has no memory, so each stretch starts afresh. */
function* bursts(rate: OnOffRate, endMs: number, random: RandomStream): Generator<number> {
  const burstMs = rate.onSec * 1000
  const intervalMs = rate.everySec * 1000
  for (let i = 0; i * intervalMs < endMs; i++) {
    const burstEnd = i * intervalMs + burstMs
    const next = (i + 1) * intervalMs
    yield* stretch(i * intervalMs, Math.min(burstEnd, endMs), rate.onRateRps / 1000, random)
    yield* stretch(burstEnd, Math.min(next, endMs), rate.offRateRps / 1000, random)
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
function* thinned(rate: DiurnalRate, endMs: number, random: RandomStream): Generator<number> {
  const { peakRateRps, troughRateRps, periodSec } = rate
  const turn = (2 * Math.PI) / (periodSec * 1000)
  const perMs = peakRateRps / 1000
  let t = random.exponential(1 / perMs)
  for (; t < endMs; t += random.exponential(1 / perMs)) {
    const height = (1 + Math.sin(t * turn)) / 2
    if (random.float() * peakRateRps < troughRateRps + (peakRateRps - troughRateRps) * height)
      yield t
  }
}
