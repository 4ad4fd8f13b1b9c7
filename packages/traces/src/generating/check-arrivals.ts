import { ARRIVAL_KINDS, type ArrivalsSpec, type OnOffRate } from './arrivals-spec.js'
import { above, atLeast, whole } from './check-numbers.js'
import { invalidOption } from './generator-error.js'
import { MOST_REQUESTS } from './too-many.js'

const RATE_FORMS = ['rateRps', 'stages', 'onOff', 'diurnal'] as const
const MOST_USERS = 1e6
/** Rarer gaps than these leave nothing but simultaneous arrivals in float64. */
export const LARGEST_CV = 20

/**
 * @param durationSec - how long requests arrive at most
 * @throws RouteSimError `generator_invalid`
 */
export function checkArrivals(path: string, spec: ArrivalsSpec, durationSec: number): void {
  const { kind, cv, rateRps, stages, onOff, diurnal, users, tickSec } = spec
  if (!ARRIVAL_KINDS.includes(kind)) {
    throw invalidOption(`${path}.kind`, ARRIVAL_KINDS.join(', '), kind)
  }
  checkForms(path, spec)
  if (kind === 'gamma' || kind === 'weibull') {
    above(`${path}.cv`, cv, 0)
    if (cv! > LARGEST_CV) throw invalidOption(`${path}.cv`, `at most ${LARGEST_CV}`, cv)
  } else if (cv !== undefined) throw invalidOption(`${path}.cv`, 'nothing', `it with ${kind}`)
  if (kind === 'users') whole(`${path}.users`, users, 1, MOST_USERS)
  else if (users !== undefined) throw invalidOption(`${path}.users`, 'nothing', `it with ${kind}`)
  if (tickSec !== undefined) {
    above(`${path}.tickSec`, tickSec, 0)
    if (kind === 'at_once' || kind === 'users') {
      throw invalidOption(`${path}.tickSec`, 'nothing', `it with ${kind}`)
    }
  }
  if (rateRps !== undefined) above(`${path}.rateRps`, rateRps, 0)
  stages?.forEach((stage, i) => {
    above(`${path}.stages[${i}].durationSec`, stage.durationSec, 0)
    atLeast(`${path}.stages[${i}].rateRps`, stage.rateRps, 0)
    atLeast(`${path}.stages[${i}].toRateRps`, stage.toRateRps ?? stage.rateRps, 0)
  })
  if (stages?.length === 0) throw invalidOption(`${path}.stages`, 'at least one', 'none of them')
  if (onOff !== undefined) checkOnOff(`${path}.onOff`, onOff, durationSec)
  if (diurnal !== undefined) {
    above(`${path}.diurnal.peakRateRps`, diurnal.peakRateRps, 0)
    atLeast(`${path}.diurnal.troughRateRps`, diurnal.troughRateRps, 0)
    above(`${path}.diurnal.periodSec`, diurnal.periodSec, 0)
    if (diurnal.troughRateRps > diurnal.peakRateRps) {
      const expected = `at most peakRateRps, ${diurnal.peakRateRps}`
      throw invalidOption(`${path}.diurnal.troughRateRps`, expected, diurnal.troughRateRps)
    }
  }
}

/** Exactly one form of rate, where one is needed. */
function checkForms(path: string, spec: ArrivalsSpec): void {
  const { kind } = spec
  const given = RATE_FORMS.filter((form) => spec[form] !== undefined)
  const stray = kind === 'at_once' ? given[0] : given.find((form) => form !== 'rateRps')
  if ((kind === 'at_once' || kind === 'users') && stray !== undefined) {
    throw invalidOption(`${path}.${stray}`, 'nothing', `it with ${kind}`)
  }
  if (kind === 'at_once' || kind === 'users' || given.length === 1) return
  const found = given.length === 0 ? 'none of them' : `${given.join(' and ')} together`
  throw invalidOption(`${path}.${given[1] ?? 'rateRps'}`, `one of ${RATE_FORMS.join(', ')}`, found)
}

function checkOnOff(path: string, rate: OnOffRate, durationSec: number): void {
  above(`${path}.onRateRps`, rate.onRateRps, 0)
  atLeast(`${path}.offRateRps`, rate.offRateRps, 0)
  above(`${path}.onSec`, rate.onSec, 0)
  above(`${path}.everySec`, rate.everySec, 0)
  if (rate.onSec > rate.everySec) {
    throw invalidOption(`${path}.onSec`, `at most everySec, ${rate.everySec}`, rate.onSec)
  }
  if (rate.lengths !== 'fixed' && rate.lengths !== 'exponential') {
    throw invalidOption(`${path}.lengths`, 'fixed, exponential', rate.lengths)
  }
  if (durationSec / rate.everySec > MOST_REQUESTS) {
    throw invalidOption(`${path}.everySec`, `at most ${MOST_REQUESTS} bursts`, rate.everySec)
  }
}
