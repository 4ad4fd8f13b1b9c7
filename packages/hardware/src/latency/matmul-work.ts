import type { Gpu } from '../gpus/gpu.js'
import type { FormatShare, Model } from '../models/model.js'
import {
  attentionLayers,
  indexerParameters,
  linearInputDim,
  linearOutputDim,
  modelParameters,
} from '../models/model-size.js'
import { formatsOf } from '../models/weight-formats.js'
import { type ComputePrecision, WEIGHT_FORMATS, type WeightFormat } from '../precision/precision.js'
import type { KernelEfficiency, PartsOfPeak } from './kernel-efficiency.js'
import { gpusPerExpert, type RooflineOptions } from './roofline-options.js'

/** A matrix product with the weights of one GPU per layer, over all layers; times are at what kernels reach. */
export interface MatmulWork {
  /** Time to read the weights. */
  readonly readMs: number
  /** Time to compute one row. */
  readonly msPerRow: number
  /** Rows are the tokens of the step, or the sequences of which one row is sampled. */
  readonly rows: 'tokens' | 'sequences'
}

/** The experts of a mixture on one GPU per layer, over all layers. */
export interface ExpertWork {
  readonly count: number
  readonly active: number
  /** Time to read one expert of every layer, dealt out or sharded as they are. */
  readonly readMsPerExpert: number
  /** Time to compute one row of one expert in every layer. */
  readonly msPerVisit: number
  /** Ranks that hold different experts. */
  readonly ranks: number
}

/**
 * The matrix products that every token goes through: those of the layers, by what their weights are in, and the output
 * projection. Those in one format read and compute in one proportion, so that each for itself they take as long as
 * together.
 */
export function denseMatmuls(options: RooflineOptions, efficiency: KernelEfficiency): MatmulWork[] {
  const { model, gpu, parallelism } = options
  const head = modelParameters(model).head / parallelism.tp
  return [
    ...layerParameters(options).map(
      ([format, parameters]): MatmulWork => ({
        ...work(parameters, format, gpu, efficiency),
        rows: 'tokens',
      }),
    ),
    { ...work(head, WEIGHT_FORMATS.bf16, gpu, efficiency), rows: 'sequences' },
  ]
}

function work(
  parameters: number,
  { bytesPerWeight, computes }: WeightFormat,
  gpu: Gpu,
  efficiency: KernelEfficiency,
): Omit<MatmulWork, 'rows'> {
  const bandwidth = gpu.memoryBandwidthBytesPerSec * efficiency.matmulBandwidth
  const peak = peakFlops(gpu, computes)
  const flops = peak.flops * efficiency.matmulFlops[peak.bits]
  return {
    readMs: ((parameters * bytesPerWeight) / bandwidth) * 1000,
    msPerRow: ((2 * parameters) / flops) * 1000,
  }
}

/** Parameters on one GPU of all layers, by what they are in. */
function layerParameters({
  model,
  parallelism: { tp },
  precision,
}: RooflineOptions): [WeightFormat, number][] {
  const { attention, hiddenSize, linear } = model
  const outputs =
    attentionLayers(model) * outputDim(attention) +
    (linear === undefined ? 0 : linear.layers * linearOutputDim(linear))
  const spread = (innerLinearParameters(model) + outputs * hiddenSize) / tp
  const sums = new Map<string, [WeightFormat, number]>()
  const add = (parameters: number, formats: readonly FormatShare[]): void => {
    for (const { format, share } of formats) {
      const key = `${format.computes} ${format.bytesPerWeight}`
      const [, before] = sums.get(key) ?? [format, 0]
      sums.set(key, [format, before + parameters * share])
    }
  }
  add(innerAttentionParameters(model, tp) + spread, formatsOf(model, precision, 'attention'))
  add(modelParameters(model).dense / tp, formatsOf(model, precision, 'dense'))
  return [...sums.values()]
}

function outputDim(attention: Model['attention']): number {
  return attention.heads * (attention.kind === 'gqa' ? attention.headDim : attention.valueDim)
}

function innerLinearParameters({ linear, hiddenSize }: Model): number {
  return linear === undefined ? 0 : linear.layers * hiddenSize * linearInputDim(linear)
}

/**
 * Query, key and value projections: KV heads that do not divide are replicated, compressions and indexers
 * always.
 */
function innerAttentionParameters(model: Model, tp: number): number {
  const { attention, hiddenSize } = model
  const layers = attentionLayers(model)
  if (attention.kind === 'gqa') {
    const { heads, kvHeads, headDim, isGated } = attention
    const queries = (isGated === true ? 2 : 1) * (heads / tp)
    return layers * hiddenSize * headDim * (queries + 2 * Math.ceil(kvHeads / tp))
  }
  const { heads, queryRank, kvRank, ropeDim, nopeDim, valueDim } = attention
  const keyDim = nopeDim + ropeDim
  const compressed =
    hiddenSize * (queryRank + kvRank + ropeDim) + indexerParameters(attention, hiddenSize)
  const expanded =
    (queryRank || hiddenSize) * heads * keyDim + kvRank * heads * (nopeDim + valueDim)
  return layers * (compressed + expanded / tp)
}

/** The experts of a mixture; undefined for a dense model. */
export function expertWork(
  options: RooflineOptions,
  efficiency: KernelEfficiency,
): ExpertWork | undefined {
  const { model, gpu, parallelism, precision } = options
  if (model.experts === undefined) return undefined
  const sharded = gpusPerExpert(parallelism)
  const parameters = (model.layers - model.denseLayers) * modelParameters(model).expert
  const bandwidth = gpu.memoryBandwidthBytesPerSec * efficiency.expertBandwidth
  let readMsPerExpert = 0
  let msPerVisit = 0
  for (const { format, share } of formatsOf(model, precision, 'experts')) {
    const flops = expertPeak(gpu, format.computes, efficiency) * efficiency.expertFlops
    const ofShare = parameters * share
    readMsPerExpert += ((ofShare * format.bytesPerWeight) / (sharded * bandwidth)) * 1000
    msPerVisit += ((2 * ofShare) / (sharded * flops)) * 1000
  }
  const { count, active } = model.experts
  return { count, active, readMsPerExpert, msPerVisit, ranks: parallelism.ep }
}

/** What a GPU has in 4 bits beyond twice its 8-bit peak is not reached. */
function expertPeak(
  gpu: Gpu,
  computes: ComputePrecision,
  { hasNarrowExperts }: KernelEfficiency,
): number {
  if (!hasNarrowExperts) return peakFlops(gpu, 'bf16').flops
  const { flops } = peakFlops(gpu, computes)
  return computes === 'fp4' ? Math.min(flops, 2 * peakFlops(gpu, 'fp8').flops) : flops
}

interface PeakFlops {
  readonly flops: number
  /** Those that are computed in. */
  readonly bits: keyof PartsOfPeak
}

/** Peak of the precision; formats that the tensor cores lack are widened to 16 bits first. */
export function peakFlops(gpu: Gpu, precision: ComputePrecision): PeakFlops {
  const { fp16, fp8, int8, fp4 } = gpu.denseFlops
  const native = { bf16: undefined, fp8, int8, fp4 }[precision]
  return {
    flops: (native ?? fp16) * sustained(gpu),
    bits: native === undefined ? 'bits16' : precision === 'fp4' ? 'bits4' : 'bits8',
  }
}

function sustained(gpu: Gpu): number {
  return gpu.sustainedClock ?? 1
}
