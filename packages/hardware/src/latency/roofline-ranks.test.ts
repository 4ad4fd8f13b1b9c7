import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { findModel } from '../models/find-model.js'
import { h100 } from '../testing/h100.js'
import { stepOf } from '../testing/segments.js'
import { rooflineLatency } from './roofline-latency.js'
import type { RooflineOptions } from './roofline-options.js'

describe('data-parallel ranks that share the experts', () => {
  const deepseek = { ...h100, model: findModel('deepseek-v3'), precision: 'fp8' as const }
  const spread = (
    parallelism: RooflineOptions['parallelism'],
    step: ReturnType<typeof stepOf>,
  ): ReturnType<ReturnType<typeof rooflineLatency>['breakdown']> =>
    rooflineLatency({ ...deepseek, parallelism }).breakdown(step)
  const wide = { tp: 1, pp: 1, dp: 8, ep: 8 }

  test('a step lasts longer by what the experts get from the other ranks', () => {
    const model = rooflineLatency({ ...deepseek, parallelism: wide })
    const own = stepOf(0, 0, 8, 8000)
    // 56 decodes of others, or a prompt.
    for (const all of [stepOf(0, 0, 64, 64_000), stepOf(512, 0, 8, 8000)]) {
      const together = spread({ tp: 8, pp: 1, ep: 8 }, all)
      const alone = spread(wide, own)
      expect(alone.expertMs + model.sharedMs!(own, all)).toBeCloseTo(together.expertMs, 9)
    }
    expect(model.sharedMs!(own, own)).toBe(0)
    const apart = rooflineLatency({ ...deepseek, parallelism: { ...wide, ep: 1 } })
    expect(apart.sharedMs!(own, stepOf(512, 0, 64, 64_000))).toBe(0)
  })

  test('all else is that of the rank alone, whose tokens go to the experts and come back', () => {
    const own = spread(wide, stepOf(0, 0, 8, 8000))
    const alone = spread({ tp: 1, pp: 1, ep: 1 }, stepOf(0, 0, 8, 8000))
    expect(own).toEqual({ ...alone, expertMs: own.expertMs, communicationMs: own.communicationMs })
    expect(alone.communicationMs).toBe(0)
    const bytes = 8 * 7168 * 2 * 8
    expect(own.communicationMs).toBeCloseTo(
      2 * 58 * (0.01 + ((7 / 8) * bytes * 1000) / (450e9 * 0.72)),
      9,
    )
  })

  /** Tokens of all, to and from the 8 GPUs, around each of the 58 layers with experts. */
  const gatheringMs = (tokens: number): number =>
    2 * 58 * (0.01 + ((7 / 8) * tokens * 7168 * 2 * 1000) / (450e9 * 0.72))

  test.each([
    [1, 8],
    [4, 2],
  ])('by hand: experts in %i groups, sharded by %i', (ep, moeTp) => {
    const parallelism = { tp: 1, pp: 1, dp: 8, ep, moeTp }
    const model = rooflineLatency({ ...deepseek, parallelism })
    const [own, all] = [stepOf(0, 0, 8, 8000), stepOf(512, 0, 56, 64_000)]
    const alone = model.breakdown(own)
    const oneRank = (step: typeof own): number => spread({ tp: 8, pp: 1, ep }, step).expertMs
    expect(alone.expertMs).toBeCloseTo(oneRank(own), 9)
    expect(alone.communicationMs).toBeCloseTo(gatheringMs(8), 9)
    const meetingMs = alone.expertMs + alone.communicationMs + model.sharedMs!(own, all)
    expect(meetingMs).toBeCloseTo(oneRank(all) + gatheringMs(568), 9)
    expect(model.sharedMs!(own, own)).toBe(0)
    const timeScales = { matmul: 0, attention: 0, communication: 3, overhead: 0 }
    const scaled = rooflineLatency({ ...deepseek, parallelism, timeScales })
    expect(scaled.sharedMs!(own, all)).toBeCloseTo(3 * (gatheringMs(568) - gatheringMs(8)), 9)
  })

  test('ranks of several GPUs reduce the outputs of attention and dense layers among themselves', () => {
    const parts = spread({ tp: 2, pp: 1, dp: 4, ep: 1, moeTp: 8 }, stepOf(0, 0, 8, 8000))
    const reducedMs = 64 * (0.01 + (8 * 7168 * 2 * 1000) / (450e9 * 0.72))
    expect(parts.communicationMs).toBeCloseTo(reducedMs + gatheringMs(8), 9)
  })

  test('degrees that say what is so anyway change nothing', () => {
    const step = stepOf(512, 0, 8, 8000)
    for (const [ep, moeTp] of [
      [1, 8],
      [2, 4],
      [8, 1],
    ] as const) {
      const parallelism = { tp: 8, pp: 1, ep }
      expect(spread({ ...parallelism, moeTp }, step)).toEqual(spread(parallelism, step))
    }
    expect(spread({ ...wide, moeTp: 1 }, step)).toEqual(spread(wide, step))
  })

  test.each([
    [
      { tp: 1, pp: 1, dp: 8, ep: 2, moeTp: 8 },
      'moeTp: expected ep x moeTp to be tp = 1, or tp x dp = 8, got 2 x 8',
    ],
    [{ tp: 8, pp: 1, ep: 1, moeTp: 4 }, 'moeTp: expected ep x moeTp to be tp = 8, got 1 x 4'],
    [{ tp: 8, pp: 1, ep: 1, moeTp: 0 }, 'moeTp: expected an integer >= 1, got 0'],
    [
      { tp: 1, pp: 1, dp: 6, ep: 3, moeTp: 2 },
      'ep: expected a divisor of the experts of DeepSeek-V3, got 3',
    ],
  ])('sharded by %j is refused', (parallelism, message) => {
    expect(() => rooflineLatency({ ...deepseek, parallelism })).toThrow(message)
  })

  test('a model without experts has none to shard', () => {
    const parallelism = { tp: 1, pp: 1, dp: 8, ep: 1, moeTp: 8 }
    expect(() => rooflineLatency({ ...h100, parallelism })).toThrow(
      'moeTp: expected nothing because Llama-3.1-70B is not a mixture of experts, got 8',
    )
  })

  test.each([
    [{ tp: 2, pp: 1, dp: 4, ep: 3 }, /ep: expected a divisor of tp = 2, or tp x dp = 8, got 3/],
    [{ tp: 2, pp: 1, dp: 2, ep: 8 }, /ep: expected a divisor of tp = 2, .* = 4, got 8/],
    [{ tp: 2, pp: 1, dp: 0, ep: 1 }, /dp: expected an integer >= 1, got 0/],
  ])('%j is refused', (parallelism, message) => {
    expect(() => rooflineLatency({ ...deepseek, parallelism })).toThrow(message)
  })
})

test.each([
  ['fp8', 'bf16', 18_471],
  ['fp4', 'fp8', 26_156],
] as const)(
  'by measurement: DeepSeek-V3 in %s with a %s cache takes %i prompt tokens per second on each GB200 (lmsys.org, September 2025)',
  (precision, kvPrecision, measured) => {
    const latency = rooflineLatency({
      ...h100,
      model: findModel('DeepSeek-V3'),
      gpu: findGpu('GB200'),
      parallelism: { tp: 1, pp: 1, ep: 8, dp: 8 },
      precision,
      kvPrecision,
    })
    const tokens = 8192
    const step = { ...stepOf(tokens, 0, 0, 0), prefillAttentionPairs: tokens * 1000 }
    const all = {
      ...step,
      prefillTokens: 8 * tokens,
      prefillRequests: 8,
      prefillAttentionPairs: 8 * step.prefillAttentionPairs,
    }
    const ms = latency.stepMs(step) + latency.sharedMs!(step, all)
    const hiddenMs = latency.breakdown(step).communicationMs
    // It hides a part of what goes between GPUs behind the other half of the batch.
    expect((tokens / ms) * 1000).toBeLessThan(measured)
    expect((tokens / (ms - hiddenMs)) * 1000).toBeGreaterThan(measured)
    expect((tokens / ms) * 1000).toBeGreaterThan(0.75 * measured)
  },
)
