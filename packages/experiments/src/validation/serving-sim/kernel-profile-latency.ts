import type { LatencyModel, StepSegment, StepShape } from '@routesim/core'
import { allReduceMs, allToAllMs, type Link, type Model } from '@routesim/hardware'
import type { Curve, KernelProfile } from './kernel-profile.js'

/** What a kernel profile is put together with. */
export interface KernelProfileOptions {
  readonly profile: KernelProfile
  readonly model: Model
  readonly tp: number
  /** Data parallel ranks that share out the experts and step together. */
  readonly dataParallel: number
  /** Between the GPUs. */
  readonly link: Link
  /** Host work per sequence and step that the GPU waits for, in ms. */
  readonly hostMsPerRequest: number
}

const ACTIVATION_BYTES = 2

/** Step times put together from measured kernels: every layer's, the output's, and what GPUs exchange. */
export function kernelProfileLatency(options: KernelProfileOptions): LatencyModel {
  return new ComposedLatency(options)
}

class ComposedLatency implements LatencyModel {
  readonly name = 'kernel-profile'
  private readonly options: KernelProfileOptions

  constructor(options: KernelProfileOptions) {
    this.options = options
  }

  stepMs(step: StepShape): number {
    return this.fixedMs(step) + this.attentionMs(step)
  }

  segment(step: StepShape, out: StepSegment): void {
    const { decodeRequests, decodeContextTokens, prefillTokens } = step
    out.baseMs = this.stepMs(step)
    out.slopeMs = 0
    out.steps = 1
    if (prefillTokens > 0 || decodeRequests === 0) return
    const knots = this.options.profile.attention.axes[3]
    const context = decodeContextTokens / decodeRequests
    const next = knots.find((knot) => knot > context)
    const steps = next === undefined ? Number.POSITIVE_INFINITY : Math.floor(next - context) + 1
    const later = next === undefined ? 1 : next - context
    const then = this.stepMs({
      ...step,
      decodeContextTokens: decodeContextTokens + later * decodeRequests,
    })
    out.slopeMs = (then - out.baseMs) / later
    out.steps = steps
  }

  private fixedMs(step: StepShape): number {
    const { profile, model, hostMsPerRequest } = this.options
    const tokens = step.prefillTokens + step.decodeRequests
    const sequences = step.prefillRequests + step.decodeRequests
    return (
      model.layers * (valueAt(profile.dense, tokens) + this.expertMs(tokens)) +
      valueAt(profile.once, tokens) +
      valueAt(profile.perSequence, sequences) +
      this.exchangeMs(tokens) +
      hostMsPerRequest * sequences
    )
  }

  /** Experts of one layer on one rank, which works for the tokens of all ranks. */
  private expertMs(tokens: number): number {
    const { profile, model, dataParallel } = this.options
    if (profile.experts === undefined || model.experts === undefined) return 0
    const { count, active } = model.experts
    const touched = (count / dataParallel) * (1 - (1 - active / count) ** (tokens * dataParallel))
    return gridAt(profile.experts, tokens, touched)
  }

  private exchangeMs(tokens: number): number {
    const { model, tp, dataParallel, link } = this.options
    const bytes = tokens * model.hiddenSize * ACTIVATION_BYTES
    const reduced = tp > 1 ? 2 * model.layers * allReduceMs(bytes, tp, link) : 0
    if (dataParallel === 1) return reduced
    // Tokens of all ranks are gathered before the experts and scattered after them.
    const sent = bytes * dataParallel
    return reduced + 2 * model.layers * allToAllMs(sent, dataParallel, link)
  }

  private attentionMs(step: StepShape): number {
    const { layers } = this.options.model
    const { prefillTokens, prefillRequests, prefillAttentionPairs, decodeRequests } = step
    const context = decodeRequests === 0 ? 0 : step.decodeContextTokens / decodeRequests
    if (prefillTokens === 0) return layers * this.attentionAt(0, 0, decodeRequests, context)
    const chunk = prefillTokens / prefillRequests
    const before = Math.max(0, prefillAttentionPairs / prefillTokens - (chunk + 1) / 2)
    const alone = this.attentionAt(chunk, before, 0, 0)
    const together = this.attentionAt(chunk, before, decodeRequests, context)
    return layers * (together + (prefillRequests - 1) * alone)
  }

  private attentionAt(...point: readonly [number, number, number, number]): number {
    const { axes, ms } = this.options.profile.attention
    const sizes = axes.map((axis) => axis.length)
    const places = point.map((value, k) => placeOf(axes[k]!, value))
    let sum = 0
    for (let corner = 0; corner < 16; corner++) {
      let weight = 1
      let at = 0
      for (let k = 0; k < 4; k++) {
        const isUpper = (corner >> k) & 1
        const { index, part } = places[k]!
        weight *= isUpper === 1 ? part : 1 - part
        at = at * sizes[k]! + Math.min(index + isUpper, sizes[k]! - 1)
      }
      if (weight !== 0) sum += weight * ms[at]!
    }
    return sum
  }
}

/** The piece of an axis that holds a value, and where in it; beyond the ends the last piece goes on. */
function placeOf(axis: Float64Array, value: number): { index: number; part: number } {
  if (axis.length === 1) return { index: 0, part: 0 }
  let low = 0
  let high = axis.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (axis[middle]! <= value) low = middle
    else high = middle
  }
  return { index: low, part: Math.max(0, (value - axis[low]!) / (axis[low + 1]! - axis[low]!)) }
}

function valueAt({ at, ms }: Curve, value: number): number {
  const { index, part } = placeOf(at, value)
  return ms[index]! + part * ((ms[index + 1] ?? ms[index]!) - ms[index]!)
}

function gridAt(
  grid: {
    readonly tokens: Float64Array
    readonly experts: Float64Array
    readonly ms: Float64Array
  },
  tokens: number,
  experts: number,
): number {
  const { index: i, part: p } = placeOf(grid.tokens, tokens)
  const { index: j, part: q } = placeOf(grid.experts, experts)
  const at = (a: number, b: number): number => grid.ms[a * grid.experts.length + b]!
  const low = at(i, j) + q * (at(i, j + 1) - at(i, j))
  const high = at(i + 1, j) + q * (at(i + 1, j + 1) - at(i + 1, j))
  return low + p * (high - low)
}
