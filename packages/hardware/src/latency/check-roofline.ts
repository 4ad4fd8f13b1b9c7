import type { Model } from '../models/model.js'
import { expectedPrecision } from '../models/weight-formats.js'
import type { WeightPrecision } from '../precision/precision.js'
import { refuseParameter } from './refuse-parameter.js'
import {
  canSpreadExperts,
  type Parallelism,
  type RooflineOptions,
  UNSCALED,
} from './roofline-options.js'

/**
 * That a model can be spread as asked, as engines spread it, and that numbers are in range.
 * @throws RouteSimError `latency_invalid`
 */
export function checkRoofline({ model, parallelism, ...options }: RooflineOptions): void {
  const { tp, pp, ep, moeTp = 1, dp = 1 } = parallelism
  for (const [name, value] of Object.entries({ tp, pp, ep, moeTp, dp })) {
    if (!(Number.isInteger(value) && value >= 1)) refuseParameter(name, 'an integer >= 1', value)
  }
  checkPrecision(model, options.precision)
  const { heads } = model.attention
  if (heads % tp !== 0)
    refuseParameter('tp', `a divisor of the ${heads} heads of ${model.name}`, tp)
  if (model.attention.kind === 'gqa') checkKvHeads(model.name, model.attention.kvHeads, tp)
  const { keyHeads = 0 } = model.linear ?? {}
  if (keyHeads % tp !== 0)
    refuseParameter('tp', `a divisor of the ${keyHeads} linear key heads of ${model.name}`, tp)
  if (pp > model.layers) {
    refuseParameter('pp', `at most the ${model.layers} layers of ${model.name}`, pp)
  }
  checkExperts(model, parallelism)
  const {
    hostMsPerRequest,
    hostMsPerStep = 0,
    launchMsPerLayer = 0,
    promptGraphTokens = 0,
    kernelFloorScale = 1,
  } = options
  const { timeScales = UNSCALED } = options
  const numbers = {
    hostMsPerRequest,
    hostMsPerStep,
    launchMsPerLayer,
    promptGraphTokens,
    kernelFloorScale,
    ...timeScales,
  }
  for (const [name, value] of Object.entries(numbers)) {
    if (value >= 0 && value < Number.POSITIVE_INFINITY) continue
    refuseParameter(name, 'a finite number >= 0', value)
  }
}

/** @throws RouteSimError `latency_invalid` when a model cannot have a precision */
export function checkPrecision(model: Model, precision: WeightPrecision): void {
  const expected = expectedPrecision(model, precision)
  if (expected !== undefined) refuseParameter('precision', expected, precision)
}

function checkExperts(model: Model, parallelism: Parallelism): void {
  const { tp, ep, moeTp, dp = 1 } = parallelism
  if (!canSpreadExperts(parallelism)) {
    const gpus = dp === 1 ? `tp = ${tp}` : `tp = ${tp}, or tp x dp = ${tp * dp}`
    if (moeTp === undefined) refuseParameter('ep', `a divisor of ${gpus}`, ep)
    refuseParameter('moeTp', `ep x moeTp to be ${gpus}`, `${ep} x ${moeTp}`)
  }
  if (ep > 1 && (model.experts?.count ?? 0) % ep !== 0) {
    refuseParameter('ep', `a divisor of the experts of ${model.name}`, ep)
  }
  if (ep > 1 && model.experts === undefined) {
    refuseParameter('ep', `1 because ${model.name} is not a mixture of experts`, ep)
  }
  if (moeTp !== undefined && model.experts === undefined) {
    refuseParameter('moeTp', `nothing because ${model.name} is not a mixture of experts`, moeTp)
  }
}

/** Engines deal KV heads out evenly, or give each GPU a copy of one. */
function checkKvHeads(model: string, kvHeads: number, tp: number): void {
  if (kvHeads % tp === 0 || tp % kvHeads === 0) return
  refuseParameter('tp', `a divisor or a multiple of the ${kvHeads} KV heads of ${model}`, tp)
}
