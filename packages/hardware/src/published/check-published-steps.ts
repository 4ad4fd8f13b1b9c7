import { EMPTY_STEP } from '@routesim/core'
import { findEngine } from '../engines/engine-catalogue.js'
import { findGpu } from '../gpus/find-gpu.js'
import { affineLatency } from '../latency/affine-latency.js'
import { findAffineProfile } from '../latency/affine-profiles.js'
import { rooflineLatency } from '../latency/roofline-latency.js'
import { findLink } from '../links/find-link.js'
import { findModel } from '../models/find-model.js'
import type { WeightPrecision } from '../precision/precision.js'
import { closedLoopTpotMs } from './closed-loop-tpot.js'
import {
  COMPOSED_STEPS,
  GPT_OSS_120B_H200,
  LLAMA_70B_FP8_H100,
  QWEN3_32B_BF16_H100,
  SPLITWISE_DECODE,
  type TpotRow,
} from './published-steps.js'

/** A published step or token time beside what a latency model says of it. */
export interface PublishedStep {
  /** Source, model and GPU. */
  readonly experiment: string
  /** Latency model, as configs name it. */
  readonly model: 'roofline' | 'affine'
  /** The point of the experiment. */
  readonly point: string
  readonly metric: 'tpot_ms' | 'decode_ms' | 'prefill_ms'
  readonly predicted: number
  readonly measured: number
}

const WHOLE_ENGINES: readonly (readonly [string, WeightPrecision, string, readonly TpotRow[]])[] = [
  ['Llama-3.1-70B', 'fp8', 'H100 SXM', LLAMA_70B_FP8_H100],
  ['Qwen3-32B', 'bf16', 'H100 SXM', QWEN3_32B_BF16_H100],
  ['gpt-oss-120b', 'mxfp4', 'H200', GPT_OSS_120B_H200],
]

/**
 * Every published step time that RouteSim ships, predicted anew.
 * @param granularity - of the rooflines
 */
export function checkPublishedSteps(granularity: 'step' | 'operator' = 'step'): PublishedStep[] {
  return [
    ...wholeEngines(granularity),
    ...composedSteps(granularity),
    ...splitwiseDecodes(),
    ...profiledEngines(),
  ]
}

function wholeEngines(granularity: 'step' | 'operator'): PublishedStep[] {
  return WHOLE_ENGINES.flatMap(([model, precision, gpu, rows]) =>
    rows.map((row) => {
      const latency = rooflineLatency({
        model: findModel(model),
        gpu: findGpu(gpu),
        parallelism: { tp: row[0], pp: 1, ep: 1 },
        precision,
        kvPrecision: 'bf16',
        hostMsPerRequest: findEngine('vllm').hostMsPerRequest,
        granularity,
      })
      return tpotStep(`${model} ${precision} ${gpu} vllm`, 'roofline', row, latency)
    }),
  )
}

function profiledEngines(): PublishedStep[] {
  return LLAMA_70B_FP8_H100.map((row) => {
    const latency = affineLatency(findAffineProfile(`llama-3.1-70b fp8 h100 tp${row[0]} vllm`))
    return tpotStep('Llama-3.1-70B fp8 H100 SXM vllm', 'affine', row, latency)
  })
}

function tpotStep(
  experiment: string,
  model: PublishedStep['model'],
  [tp, promptTokens, outputTokens, concurrency, measured]: TpotRow,
  latency: Parameters<typeof closedLoopTpotMs>[0],
): PublishedStep {
  return {
    experiment,
    model,
    point: `tp${tp} ${promptTokens}/${outputTokens} x ${concurrency}`,
    metric: 'tpot_ms',
    predicted: closedLoopTpotMs(latency, { promptTokens, outputTokens, concurrency }),
    measured,
  }
}

function composedSteps(granularity: 'step' | 'operator'): PublishedStep[] {
  return COMPOSED_STEPS.flatMap(({ gpu, model, tp, decodeMs, prefillMs }) => {
    const latency = rooflineLatency({
      // The profiles have no output projection.
      model: { ...findModel(model), vocabSize: 1 },
      gpu: findGpu(gpu),
      parallelism: { tp, pp: 1, ep: 1 },
      precision: 'bf16',
      kvPrecision: 'bf16',
      hostMsPerRequest: 0,
      granularity,
      link: findLink(gpu === 'H100 SXM' ? 'NVLink 4 NCCL' : 'NVLink 3 NCCL'),
    })
    const place = { experiment: `kernels ${model} ${gpu} tp${tp}`, model: 'roofline' as const }
    const decodes = decodeMs.map((measured, i): PublishedStep => {
      const decodeRequests = [1, 64, 256][i]!
      const step = { ...EMPTY_STEP, decodeRequests, decodeContextTokens: decodeRequests * 1024 }
      const predicted = latency.stepMs(step)
      return {
        ...place,
        point: `batch ${decodeRequests}`,
        metric: 'decode_ms',
        predicted,
        measured,
      }
    })
    const prefills = prefillMs.map((measured, i): PublishedStep => {
      const tokens = [512, 2048, 4096][i]!
      const predicted = latency.stepMs({
        ...EMPTY_STEP,
        prefillTokens: tokens,
        prefillRequests: 1,
        prefillAttentionPairs: (tokens * (tokens + 1)) / 2,
      })
      return { ...place, point: `prompt ${tokens}`, metric: 'prefill_ms', predicted, measured }
    })
    return [...decodes, ...prefills]
  })
}

function splitwiseDecodes(): PublishedStep[] {
  return SPLITWISE_DECODE.flatMap(({ profile, ms }) => {
    const latency = affineLatency(findAffineProfile(profile))
    return ms.flatMap((measured, i): PublishedStep[] => {
      if (measured === undefined) return []
      const decodeRequests = [1, 8, 32, 64, 1][i]!
      const context = (i === 4 ? 8192 : 512) + 64
      const step = { ...EMPTY_STEP, decodeRequests, decodeContextTokens: decodeRequests * context }
      return [
        {
          experiment: `Splitwise ${profile}`,
          model: 'affine',
          point: `batch ${decodeRequests}, context ${context}`,
          metric: 'decode_ms',
          predicted: latency.stepMs(step),
          measured,
        },
      ]
    })
  })
}
