import type { Gpu } from '../gpus/gpu.js'
import type { Model } from '../models/model.js'
import {
  attentionLayers,
  indexerParameters,
  linearInputDim,
  linearOutputDim,
  modelParameters,
} from '../models/model-size.js'
import { BYTES_PER_WEIGHT, densePrecision, type WeightPrecision } from '../precision/precision.js'
import type { KernelEfficiency, PartsOfPeak } from './kernel-efficiency.js'
import { gpusPerExpert, type Parallelism, type RooflineOptions } from './roofline-options.js'

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
 * The matrix products that every token goes through: those of the layers, and the output projection. Those of the
 * layers read and compute in one proportion, so that each for itself they take as long as together.
 */
export function denseMatmuls(options: RooflineOptions, efficiency: KernelEfficiency): MatmulWork[] {
  const { model, gpu, parallelism, precision } = options
  const dense = densePrecision(precision)
  const bytes = BYTES_PER_WEIGHT[dense]
  const layers = work(
    layerParameters(model, parallelism),
    bytes,
    gpu,
    peakFlops(gpu, dense),
    efficiency,
  )
  const head = modelParameters(model).head / parallelism.tp
  const headWork = work(head, BYTES_PER_WEIGHT.bf16, gpu, peakFlops(gpu, 'bf16'), efficiency)
  return [
    { ...layers, rows: 'tokens' },
    { ...headWork, rows: 'sequences' },
  ]
}

function work(
  parameters: number,
  bytesPerWeight: number,
  gpu: Gpu,
  peak: PeakFlops,
  efficiency: KernelEfficiency,
): Omit<MatmulWork, 'rows'> {
  const bandwidth = gpu.memoryBandwidthBytesPerSec * efficiency.matmulBandwidth
  const flops = peak.flops * efficiency.matmulFlops[peak.bits]
  return {
    readMs: ((parameters * bytesPerWeight) / bandwidth) * 1000,
    msPerRow: ((2 * parameters) / flops) * 1000,
  }
}

/** Parameters on one GPU of all layers. */
function layerParameters(model: Model, { tp }: Parallelism): number {
  const { attention, hiddenSize, linear } = model
  const outputs =
    attentionLayers(model) * outputDim(attention) +
    (linear === undefined ? 0 : linear.layers * linearOutputDim(linear))
  const spread = innerLinearParameters(model) + outputs * hiddenSize + modelParameters(model).dense
  return innerAttentionParameters(model, tp) + spread / tp
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
  const flops = expertPeak(gpu, precision, efficiency) * efficiency.expertFlops
  return {
    count: model.experts.count,
    active: model.experts.active,
    readMsPerExpert: ((parameters * BYTES_PER_WEIGHT[precision]) / (sharded * bandwidth)) * 1000,
    msPerVisit: ((2 * parameters) / (sharded * flops)) * 1000,
    ranks: parallelism.ep,
  }
}

/** MXFP4 weights meet 8-bit activations; what a GPU has in 4 bits beyond twice its 8-bit peak is not reached. */
function expertPeak(
  gpu: Gpu,
  precision: WeightPrecision,
  { hasNarrowExperts }: KernelEfficiency,
): number {
  if (!hasNarrowExperts) return peakFlops(gpu, 'bf16').flops
  if (precision !== 'fp4') return peakFlops(gpu, precision === 'mxfp4' ? 'fp8' : precision).flops
  return Math.min(peakFlops(gpu, 'fp4').flops, 2 * peakFlops(gpu, 'fp8').flops)
}

interface PeakFlops {
  readonly flops: number
  /** Those that are computed in. */
  readonly bits: keyof PartsOfPeak
}

/** Peak of the precision; formats that the tensor cores lack are widened to 16 bits first. */
export function peakFlops(gpu: Gpu, precision: WeightPrecision): PeakFlops {
  const { fp16, fp8, int8, fp4 } = gpu.denseFlops
  const known: { readonly [Each in WeightPrecision]?: number | undefined } = { fp8, int8, fp4 }
  const native = known[precision]
  return {
    flops: (native ?? fp16) * sustained(gpu),
    bits: native === undefined ? 'bits16' : bitsOf(precision),
  }
}

function bitsOf(precision: WeightPrecision): keyof PartsOfPeak {
  const bytes = BYTES_PER_WEIGHT[precision]
  if (bytes >= 2) return 'bits16'
  return bytes >= 1 ? 'bits8' : 'bits4'
}

function sustained(gpu: Gpu): number {
  return gpu.sustainedClock ?? 1
}
