import { describe, expect, test } from 'vitest'
import { findEngine } from '../engines/engine-catalogue.js'
import { findGpu } from '../gpus/find-gpu.js'
import { findLink } from '../links/find-link.js'
import { findModel } from '../models/find-model.js'
import type { WeightPrecision } from '../precision/precision.js'
import { closedLoopTpotMs, meanErrorPercent } from '../testing/closed-loop.js'
import {
  COMPOSED_STEPS,
  GPT_OSS_120B_H200,
  LLAMA_70B_FP8_H100,
  QWEN3_32B_BF16_H100,
  SPLITWISE_DECODE,
  type TpotRow,
} from '../testing/published-steps.js'
import { affineLatency } from './affine-latency.js'
import { AFFINE_PROFILES, findAffineProfile } from './affine-profiles.js'
import { rooflineLatency } from './roofline-latency.js'

function pointOf([, promptTokens, outputTokens, concurrency]: TpotRow): Parameters<
  typeof closedLoopTpotMs
>[1] {
  return { promptTokens, outputTokens, concurrency }
}

describe.each(['step', 'operator'] as const)('the roofline by %s', (granularity) => {
  const vllm = findEngine('vllm')

  test.each([
    ['Llama-3.1-70B', 'fp8', 'H100 SXM', LLAMA_70B_FP8_H100, 5],
    ['Qwen3-32B', 'bf16', 'H100 SXM', QWEN3_32B_BF16_H100, 5],
    ['gpt-oss-120b', 'mxfp4', 'H200', GPT_OSS_120B_H200, 8],
  ] as [string, WeightPrecision, string, readonly TpotRow[], number][])(
    'real TPOT of %s in %s on %s',
    (model, precision, gpu, rows, limitPercent) => {
      const pairs = rows.map((row) => {
        const latency = rooflineLatency({
          model: findModel(model),
          gpu: findGpu(gpu),
          parallelism: { tp: row[0], pp: 1, ep: 1 },
          precision,
          kvPrecision: 'bf16',
          hostMsPerRequest: vllm.hostMsPerRequest,
          granularity,
        })
        return { predicted: closedLoopTpotMs(latency, pointOf(row)), measured: row[4] }
      })
      expect(meanErrorPercent(pairs)).toBeLessThan(limitPercent)
    },
  )

  test('steps put together from measured kernels', () => {
    const decodes: { predicted: number; measured: number }[] = []
    const prefills: { predicted: number; measured: number }[] = []
    for (const { gpu, model, tp, decodeMs, prefillMs } of COMPOSED_STEPS) {
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
      const none = { prefillTokens: 0, prefillRequests: 0, prefillAttentionPairs: 0 }
      for (const [i, measured] of decodeMs.entries()) {
        const decodeRequests = [1, 64, 256][i]!
        const step = { ...none, decodeRequests, decodeContextTokens: decodeRequests * 1024 }
        decodes.push({ predicted: latency.stepMs(step), measured })
      }
      for (const [i, measured] of prefillMs.entries()) {
        const prefillTokens = [512, 2048, 4096][i]!
        const prefillAttentionPairs = (prefillTokens * (prefillTokens + 1)) / 2
        const step = { prefillTokens, prefillRequests: 1, prefillAttentionPairs }
        const predicted = latency.stepMs({ ...step, decodeRequests: 0, decodeContextTokens: 0 })
        prefills.push({ predicted, measured })
      }
    }
    expect(decodes.length + prefills.length).toBe(49)
    expect(meanErrorPercent(decodes)).toBeLessThan(6)
    expect(meanErrorPercent(prefills)).toBeLessThan(5)
  })
})

describe('the affine profiles', () => {
  test('Splitwise decodes', () => {
    const pairs = SPLITWISE_DECODE.flatMap(({ profile, ms }) => {
      const latency = affineLatency(findAffineProfile(profile))
      return ms.flatMap((measured, i) => {
        if (measured === undefined) return []
        const decodeRequests = [1, 8, 32, 64, 1][i]!
        const context = (i === 4 ? 8192 : 512) + 64
        const predicted = latency.stepMs({
          prefillTokens: 0,
          prefillRequests: 0,
          prefillAttentionPairs: 0,
          decodeRequests,
          decodeContextTokens: decodeRequests * context,
        })
        return [{ predicted, measured }]
      })
    })
    expect(pairs).toHaveLength(38)
    expect(meanErrorPercent(pairs)).toBeLessThan(3)
  })

  test('real TPOT of Llama-3.1-70B in FP8 on H100', () => {
    const pairs = LLAMA_70B_FP8_H100.map((row) => {
      const latency = affineLatency(findAffineProfile(`llama-3.1-70b fp8 h100 tp${row[0]} vllm`))
      return { predicted: closedLoopTpotMs(latency, pointOf(row)), measured: row[4] }
    })
    expect(meanErrorPercent(pairs)).toBeLessThan(3.5)
  })

  test('have names of their own and say where they come from', () => {
    for (const profile of AFFINE_PROFILES) {
      expect(findAffineProfile(profile.name)).toBe(profile)
      expect(profile.source).toMatch(/error [\d.]+( to [\d.]+)? %$/)
    }
    expect(() => findAffineProfile('llama-3.1-70b fp8 h100 tp3 vllm')).toThrow(
      /did you mean "llama-3.1-70b fp8 h100 tp\d vllm"/,
    )
  })
})
