import { EMPTY_STEP, type LatencyModel, type StepSegment, type StepShape } from '@routesim/core'
import { allReduceMs, allToAllMs, messageMs } from '../links/collectives.js'
import { findLink } from '../links/find-link.js'
import type { Link } from '../links/link.js'
import type { Model, WeightPart } from '../models/model.js'
import { attentionLayers, indexerOf, largestStage, linearOutputDim } from '../models/model-size.js'
import { formatsOf } from '../models/weight-formats.js'
import { type ComputePrecision, isOfExperts } from '../precision/precision.js'
import { attentionTerms } from './attention-terms.js'
import { checkRoofline } from './check-roofline.js'
import { graphBreaksMs } from './cuda-graphs.js'
import { expectedDistinct, expectedLargest } from './expert-coverage.js'
import { KERNEL_EFFICIENCIES, type KernelEfficiency } from './kernel-efficiency.js'
import { type LinearAttentionWork, linearAttentionWork } from './linear-attention-work.js'
import { denseMatmuls, type ExpertWork, expertWork, type MatmulWork } from './matmul-work.js'
import {
  exchangesTokens,
  gathersTokens,
  type RooflineOptions,
  ranksSharingExperts,
  type TimeScales,
  UNSCALED,
} from './roofline-options.js'
import type { StretchTerms } from './stretch-terms.js'

/** Where the time of a step goes, in ms. */
export interface StepBreakdown {
  /** Matrix products with the weights every token visits. */
  readonly matmulMs: number
  /** Matrix products with experts. */
  readonly expertMs: number
  readonly attentionMs: number
  /** Norms, activations, residual sums. */
  readonly elementwiseMs: number
  /** All-reduces, all-to-alls and messages between stages. */
  readonly communicationMs: number
  /** Least durations of kernels, with breaks between CUDA graphs: what a step costs however little it computes. */
  readonly floorMs: number
  /** Work of the engine on the host, per step and per sequence. */
  readonly hostMs: number
}

/** A latency model that can say where the time goes. */
export interface RooflineLatency extends LatencyModel {
  breakdown(step: StepShape): StepBreakdown
}

/**
 * Step times from public figures of model and GPU: every byte and operation a step needs, at the part
 * of the peaks that kernels reach, plus the least durations of kernels, collectives and host work.
 * Form and constants: operator profiles of microsoft/vidur (commit 7d47513) and attention kernels
 * measured by ai-dynamo/aiconfigurator (commit 095f58a), see `KernelEfficiency`.
 * @throws RouteSimError `latency_invalid` if the model cannot be spread as asked
 */
export function rooflineLatency(options: RooflineOptions): RooflineLatency {
  checkRoofline(options)
  return new Roofline(options)
}

const ACTIVATION_BYTES = 2

class Roofline implements RooflineLatency {
  readonly name = 'roofline'
  readonly readsSharedOnce = true
  private readonly options: RooflineOptions
  private readonly efficiency: KernelEfficiency
  private readonly link: Link
  private readonly matmuls: readonly MatmulWork[]
  private readonly experts: ExpertWork | undefined
  private readonly attention: StretchTerms
  private readonly linear: LinearAttentionWork | undefined
  private readonly elementwiseMsPerToken: number
  private readonly floorMs: number
  private readonly scales: TimeScales
  private readonly micro: StepShape = { ...EMPTY_STEP }

  constructor(options: RooflineOptions) {
    const { gpu } = options
    this.options = options
    this.scales = options.timeScales ?? UNSCALED
    this.efficiency = options.efficiency ?? KERNEL_EFFICIENCIES[gpu.architecture]
    const floorScale = options.kernelFloorScale ?? 1
    const link = options.link ?? findLink(gpu.link)
    this.link = { ...link, latencyMs: link.latencyMs * floorScale }
    this.matmuls = denseMatmuls(options, this.efficiency)
    this.experts = expertWork(options, this.efficiency)
    this.attention = attentionTerms(options, this.efficiency)
    this.linear = linearAttentionWork(options, this.efficiency)
    this.elementwiseMsPerToken =
      (elementwiseBytesPerToken(options) * 1000) /
      (gpu.memoryBandwidthBytesPerSec * this.efficiency.elementwiseBandwidth)
    this.floorMs =
      kernelFloorMs(options, this.efficiency) * floorScale +
      graphBreaksMs(options.model, options.cudaGraphs ?? 'full')
  }

  stepMs(step: StepShape): number {
    return Math.max(this.gpuMs(step), this.launchMs(step)) + this.hostMs(step)
  }

  segment(step: StepShape, out: StepSegment): void {
    this.attention.segment(this.microBatch(step), out)
    out.slopeMs *= this.scales.attention * this.longestStage(step)
    const gpuMs = this.gpuMs(step)
    const launchMs = this.launchMs(step)
    out.baseMs = Math.max(gpuMs, launchMs) + this.hostMs(step)
    // How chunks of several prompts grow is not known from their sum, nor when the GPU falls behind the host.
    if (step.prefillRequests > 1 || gpuMs < launchMs) {
      out.slopeMs = 0
      out.steps = 1
    }
  }

  sharedMs(step: StepShape, all: StepShape): number {
    if (ranksSharingExperts(this.options.parallelism) === 1) return 0
    const { matmul, communication } = this.scales
    const meetingMs = (tokens: number): number =>
      matmul * this.expertMs(tokens) + communication * this.gatheringMs(tokens)
    const own = meetingMs(tokensOf(this.microBatch(step)))
    const ofAll = meetingMs(tokensOf(this.microBatch(all)))
    const sharedMs = Math.max(0, ofAll - own) * this.longestStage(step)
    const launchMs = this.launchMs(step)
    if (launchMs === 0) return sharedMs
    const gpuMs = this.gpuMs(step)
    return launchMs <= gpuMs ? sharedMs : Math.max(0, gpuMs + sharedMs - launchMs)
  }

  breakdown(step: StepShape): StepBreakdown {
    const batch = this.microBatch(step)
    const longest = this.longestStage(step)
    const matmul = longest * this.scales.matmul
    const overhead = longest * this.scales.overhead
    return {
      matmulMs: matmul * this.matmulMs(batch),
      expertMs: matmul * this.expertMs(tokensOf(batch)),
      attentionMs: longest * this.scales.attention * this.attentionMs(batch),
      elementwiseMs: overhead * this.elementwiseMsPerToken * tokensOf(batch),
      communicationMs: longest * this.scales.communication * this.communicationMs(batch),
      floorMs: overhead * this.floorMs,
      hostMs: this.hostMs(step),
    }
  }

  private gpuMs(step: StepShape): number {
    const batch = this.microBatch(step)
    const { matmul, attention, communication, overhead } = this.scales
    const ms =
      matmul * (this.matmulMs(batch) + this.expertMs(tokensOf(batch))) +
      overhead * (this.elementwiseMsPerToken * tokensOf(batch) + this.floorMs) +
      communication * this.communicationMs(batch) +
      attention * this.attentionMs(batch)
    return ms * this.longestStage(step)
  }

  /** Least time of a step whose kernels are launched one by one. */
  private launchMs(step: StepShape): number {
    const { model, launchMsPerLayer = 0, promptGraphTokens = 0 } = this.options
    const isReplayed = step.prefillTokens === 0 || tokensOf(step) <= promptGraphTokens
    return isReplayed ? 0 : model.layers * launchMsPerLayer
  }

  /**
   * What one of the micro-batches of a step computes that fill a pipeline: it passes all stages, one after
   * another, and by then each has seen them all. A request belongs to one of them, so that a lone one is no faster
   * for the stages; prompts and decodes are dealt out evenly.
   */
  private microBatch(step: StepShape): StepShape {
    const { pp } = this.options.parallelism
    if (pp === 1) return step
    const prompts = Math.min(pp, Math.max(1, step.prefillRequests))
    const decodes = Math.min(pp, Math.max(1, step.decodeRequests))
    const { micro } = this
    micro.prefillTokens = step.prefillTokens / prompts
    micro.prefillRequests = step.prefillRequests / prompts
    micro.prefillAttentionPairs = step.prefillAttentionPairs / prompts
    micro.decodeRequests = step.decodeRequests / decodes
    micro.decodeContextTokens = step.decodeContextTokens / decodes
    micro.decodeSharedTokens = (step.decodeSharedTokens ?? 0) / decodes
    return micro
  }

  /** By how much a stage with more layers than others holds all up, if there are micro-batches enough. */
  private longestStage(step: StepShape): number {
    const { model, parallelism } = this.options
    if (model.layers % parallelism.pp === 0) return 1
    const batches = Math.min(parallelism.pp, sequencesOf(step))
    return Math.max(1, batches * largestStage(model, parallelism.pp))
  }

  private attentionMs(step: StepShape): number {
    const { linear } = this
    const ms = this.attention.ms(step)
    if (linear === undefined) return ms
    return (
      ms + linear.msPerSequence * sequencesOf(step) + linear.msPerPromptToken * step.prefillTokens
    )
  }

  private matmulMs(step: StepShape): number {
    const tokens = tokensOf(step)
    const sequences = sequencesOf(step)
    let readMs = 0
    let computeMs = 0
    if (this.options.granularity === 'step') {
      for (const work of this.matmuls) {
        readMs += work.readMs
        computeMs += work.msPerRow * (work.rows === 'tokens' ? tokens : sequences)
      }
      return this.overlapped(readMs, computeMs)
    }
    let sum = 0
    for (const work of this.matmuls) {
      computeMs = work.msPerRow * (work.rows === 'tokens' ? tokens : sequences)
      sum += this.overlapped(work.readMs, computeMs)
    }
    return sum
  }

  private expertMs(tokens: number): number {
    const { experts } = this
    if (experts === undefined) return 0
    const { count, active, ranks } = experts
    const touched = expectedDistinct(count / ranks, active / count, tokens)
    const visits = expectedLargest(tokens * active, ranks)
    const { few, many, fewUpTo } = this.efficiency.expertTile
    const rows = paddedRows(visits, touched, tokens <= fewUpTo * count ? few : many)
    return this.overlapped(experts.readMsPerExpert * touched, experts.msPerVisit * rows)
  }

  private communicationMs(step: StepShape): number {
    const { model, parallelism } = this.options
    const { tp, pp, ep } = parallelism
    const bytes = bytesOf(tokensOf(step), model)
    const isGathered = gathersTokens(parallelism)
    const moeLayers = exchangesTokens(parallelism) ? model.layers - model.denseLayers : 0
    let ms = (2 * model.layers - moeLayers) * allReduceMs(bytes, tp, this.link)
    if (isGathered) ms += this.gatheringMs(tokensOf(step))
    else if (moeLayers > 0) {
      // The GPUs of a rank have the same tokens, and deal out what they send of them.
      const sent = (bytes * (model.experts?.active ?? 0)) / Math.min(tp, ep)
      ms += 2 * moeLayers * allToAllMs(sent, ep, this.link)
    }
    return pp > 1 ? ms + pp * messageMs(bytes / tp, this.link) : ms
  }

  /** All GPUs gather the tokens of all ranks before sharded experts that they share, and scatter the sums after them. */
  private gatheringMs(tokens: number): number {
    const { model, parallelism } = this.options
    if (!gathersTokens(parallelism)) return 0
    const { tp, dp = 1 } = parallelism
    const layers = model.layers - model.denseLayers
    return 2 * layers * allToAllMs(bytesOf(tokens, model), tp * dp, this.link)
  }

  private hostMs(step: StepShape): number {
    const { hostMsPerRequest, hostMsPerStep = 0 } = this.options
    return hostMsPerStep + hostMsPerRequest * sequencesOf(step)
  }

  private overlapped(readMs: number, computeMs: number): number {
    const longer = Math.max(readMs, computeMs)
    if (longer === 0) return 0
    const ratio = Math.min(readMs, computeMs) / longer
    return longer * (1 + ratio ** this.efficiency.overlap) ** (1 / this.efficiency.overlap)
  }
}

/** Rows that are computed for visits to some experts, each of whose are filled up to tiles. */
function paddedRows(visits: number, touched: number, tile: number): number {
  return Math.max(touched * tile, visits + (touched * tile) / 2)
}

function tokensOf(step: StepShape): number {
  return step.prefillTokens + step.decodeRequests
}

/** Of the activations between two layers. */
function bytesOf(tokens: number, { hiddenSize }: Model): number {
  return tokens * hiddenSize * ACTIVATION_BYTES
}

function sequencesOf(step: StepShape): number {
  return step.prefillRequests + step.decodeRequests
}

/** Norms, rotary embedding, activation and residual sums of one token, in bytes moved on one GPU. */
function elementwiseBytesPerToken({ model, parallelism }: RooflineOptions): number {
  const { attention, hiddenSize, denseLayers, layers, linear, experts } = model
  const { tp } = parallelism
  const keyValueElements =
    attention.kind === 'gqa'
      ? 2 * attention.kvHeads * attention.headDim
      : attention.kvRank + attention.ropeDim
  const queryElements =
    attention.heads *
    (attention.kind === 'gqa' ? attention.headDim : attention.nopeDim + attention.ropeDim)
  const width =
    denseLayers * model.intermediateSize +
    (layers - denseLayers) *
      ((experts?.active ?? 0) * (experts?.intermediateSize ?? 0) +
        (experts?.sharedIntermediateSize ?? 0))
  const attended = attentionLayers(model) * (2 * queryElements + keyValueElements)
  // The convolution reads and writes queries, keys and values, the gate the output.
  const convolved =
    linear === undefined
      ? 0
      : linear.layers * (4 * linear.keyHeads * linear.keyDim + 5 * linearOutputDim(linear))
  return ACTIVATION_BYTES * (7 * layers * hiddenSize + (attended + convolved + 3 * width) / tp)
}

/** Kernels of one layer: a mixture adds its router, sorting and a second grouped product. */
const KERNELS = {
  dense: { matmul: 4, elementwise: 5 },
  mixture: { matmul: 5, elementwise: 8 },
  /** Compressing and expanding queries, keys and values. */
  latent: { matmul: 4, elementwise: 2 },
  /** Queries, and keys with weights, of the indexer; their scales, and the choice of the best. */
  indexer: { matmul: 2, elementwise: 2 },
  /** The gates' own projection; the convolution and the norm of the output. */
  linear: { matmul: 1, elementwise: 2 },
} as const

/**
 * Kernels that find the scales of activations, one before each product: attention has two products per
 * layer, one more if latent, and the network two. FP4 activations have scales per block; so have those of
 * FP8 mixtures, which are published with them (DeepSeek-V3, arXiv 2412.19437, 3.3). Constant scales, as
 * dense FP8 models have, are fused into the kernels before, and grouped FP4 products quantise themselves. GPUs without
 * such products widen the weights, and scale nothing.
 */
function scaleKernels({ model, gpu, precision }: RooflineOptions): number {
  const { layers, denseLayers, attention, experts } = model
  if (isOfExperts(precision)) return 0
  const has = { ...gpu.denseFlops, bf16: undefined }
  const shareOf = (part: WeightPart, scaled: readonly ComputePrecision[]): number =>
    formatsOf(model, precision, part)
      .filter(({ format: { computes } }) => scaled.includes(computes) && has[computes])
      .reduce((sum, { share }) => sum + share, 0)
  const scaled: readonly ComputePrecision[] = experts === undefined ? ['fp4'] : ['fp4', 'fp8']
  const products = layers * (attention.kind === 'mla' ? 3 : 2)
  return (
    products * shareOf('attention', scaled) +
    2 * denseLayers * shareOf('dense', scaled) +
    2 * (layers - denseLayers) * shareOf('experts', ['fp8'])
  )
}

function kernelFloorMs(options: RooflineOptions, { floorMs }: KernelEfficiency): number {
  const { model } = options
  const { layers, denseLayers, attention, linear } = model
  const floorOf = (kernels: { readonly matmul: number; readonly elementwise: number }): number =>
    kernels.matmul * floorMs.matmul + kernels.elementwise * floorMs.elementwise
  const latent = attention.kind === 'mla' ? layers * floorOf(KERNELS.latent) : 0
  const indexer =
    indexerOf(model) !== undefined ? layers * (floorMs.attention + floorOf(KERNELS.indexer)) : 0
  return (
    layers * floorMs.attention +
    denseLayers * floorOf(KERNELS.dense) +
    (layers - denseLayers) * floorOf(KERNELS.mixture) +
    latent +
    indexer +
    (linear?.layers ?? 0) * floorOf(KERNELS.linear) +
    scaleKernels(options) * floorMs.elementwise
  )
}
