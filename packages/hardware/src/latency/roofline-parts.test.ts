import { expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { findModel } from '../models/find-model.js'
import { h100 } from '../testing/h100.js'
import { stepOf } from '../testing/segments.js'
import { KERNEL_EFFICIENCIES } from './kernel-efficiency.js'
import { rooflineLatency, type StepBreakdown } from './roofline-latency.js'
import type { RooflineOptions } from './roofline-options.js'

const H100_BYTES_PER_MS = 3.35e9
const H100_FLOPS_PER_MS = 989.5e9

const overlapped = (readMs: number, computeMs: number): number =>
  (readMs ** 2.8 + computeMs ** 2.8) ** (1 / 2.8)

function breakdown(
  name: string,
  tp: number,
  step = stepOf(0, 0, 1, 1000),
  more: Partial<RooflineOptions> = {},
): StepBreakdown {
  const parallelism = { tp, pp: 1, ep: 1 }
  return rooflineLatency({ ...h100, model: findModel(name), parallelism, ...more }).breakdown(step)
}

test('by hand: products of latent attention that does not compress queries, on 2 GPUs', () => {
  // Every GPU compresses keys and values; heads, network and output are shared out.
  const compressed = 2048 * (512 + 64)
  const heads = 2048 * 16 * (128 + 64) + 512 * 16 * (128 + 128) + 16 * 128 * 2048
  const dense = 3 * 2048 * 10_944
  const mixture = 26 * (3 * 2048 * 2 * 1408 + 2048 * 64)
  const parameters = 27 * (compressed + heads / 2) + (dense + mixture) / 2 + (102_400 * 2048) / 2
  const readMs = (2 * parameters) / (H100_BYTES_PER_MS * 0.92)
  const computeMs = (2 * parameters) / (H100_FLOPS_PER_MS * 0.69)
  const { matmulMs } = breakdown('DeepSeek-V2-Lite', 2)
  expect(matmulMs / overlapped(readMs, computeMs)).toBeCloseTo(1, 9)
})

test('by hand: products of latent attention that compresses queries, kernel by kernel on 8 GPUs', () => {
  const inner =
    61 * (7168 * (1536 + 512 + 64) + (1536 * 128 * (128 + 64)) / 8 + (512 * 128 * (128 + 128)) / 8)
  const output = (61 * 128 * 128 * 7168) / 8
  const dense = (3 * 3 * 7168 * 18_432 + 58 * (3 * 7168 * 2048 + 7168 * 256)) / 8
  const ms = (parameters: number): number =>
    overlapped(
      (2 * parameters) / (H100_BYTES_PER_MS * 0.92),
      (2 * 100 * parameters) / (H100_FLOPS_PER_MS * 0.69),
    )
  // Of three matrices of a network two go up.
  const sum = [inner, output, (dense * 2) / 3, dense / 3, (129_280 * 7168) / 8]
    .map(ms)
    .reduce((total, each) => total + each, 0)
  const granularity = 'operator'
  const { matmulMs } = breakdown('DeepSeek-V3', 8, stepOf(0, 0, 100, 100_000), { granularity })
  expect(matmulMs / sum).toBeCloseTo(1, 9)
})

test('by hand: what norms, rotations and activations move, for grouped and latent attention', () => {
  const perToken = (name: string, tp: number): number =>
    (breakdown(name, tp).elementwiseMs * H100_BYTES_PER_MS) / 2
  // Queries and keys are read and written or rotated, gates and products of a network are three rows.
  const llama = 80 * (7 * 8192 + (2 * 64 * 128 + 2 * 8 * 128) / 4) + (80 * 3 * 28_672) / 4
  expect(perToken('llama-3.1-70b', 4)).toBeCloseTo(llama, 3)
  const heads = 2 * 16 * (128 + 64) + 512 + 64
  const width = 10_944 + 26 * (6 * 1408 + 2 * 1408)
  const lite = 27 * (7 * 2048 + heads / 2) + (3 * width) / 2
  expect(perToken('DeepSeek-V2-Lite', 2)).toBeCloseTo(lite, 3)
})

test('by hand: ranks that hold different experts send tokens to them and back', () => {
  const model = findModel('Qwen3-30B-A3B')
  const communicationMs = (ep: number): number =>
    rooflineLatency({ ...h100, model, parallelism: { tp: 4, pp: 1, ep } }).breakdown(
      stepOf(0, 0, 100, 100_000),
    ).communicationMs
  const bytes = 100 * 2048 * 2
  const linkMs = (sent: number): number => 0.01 + (sent * 1000) / (450e9 * 0.72)
  const reduce = linkMs((bytes * 2 * 3) / 4)
  expect(communicationMs(1)).toBeCloseTo(2 * 48 * reduce, 9)
  // A quarter of the tokens is at each rank, and goes to 8 experts, a quarter of them its own.
  const exchange = linkMs(((bytes * 8) / 4) * (3 / 4))
  expect(communicationMs(4)).toBeCloseTo(48 * reduce + 2 * 48 * exchange, 9)
})

test('prompts are dealt out over the stages of a pipeline: each computes one of four at a time', () => {
  const stages = (pp: number, prompts: number): StepBreakdown => {
    const one = stepOf(1000, 500, 0, 0)
    return rooflineLatency({
      ...h100,
      granularity: 'operator',
      parallelism: { tp: 1, pp, ep: 1 },
    }).breakdown({
      ...one,
      prefillTokens: prompts * one.prefillTokens,
      prefillRequests: prompts,
      prefillAttentionPairs: prompts * one.prefillAttentionPairs,
    })
  }
  const one = { ...stages(1, 1), communicationMs: 0, hostMs: 0 }
  expect({ ...stages(4, 4), communicationMs: 0, hostMs: 0 }).toEqual(one)
  expect({ ...stages(2, 2), communicationMs: 0, hostMs: 0 }).toEqual(one)
  expect(stages(4, 4).hostMs).toBeCloseTo(4 * 0.035, 12)
  // Eight are two for each of four stages, two keep two of them busy.
  expect(stages(4, 8).attentionMs).toBeCloseTo(stages(1, 2).attentionMs, 9)
  expect(stages(4, 2).attentionMs).toBeCloseTo(one.attentionMs, 9)
})

test('by hand: a tile of many query rows that one KV head fills with its eight heads', () => {
  const attentionMs = (rows: number, packsHeads: boolean): number => {
    const efficiency = { ...KERNEL_EFFICIENCIES.hopper, mixedTile: { rows, packsHeads } }
    const latency = rooflineLatency({ ...h100, efficiency })
    const [mixed, alone] = [stepOf(512, 0, 8, 80_000), stepOf(512, 0, 0, 0)]
    return latency.breakdown(mixed).attentionMs - latency.breakdown(alone).attentionMs
  }
  // 4 operations for each of 64 heads of 128, in 80 layers on 4 GPUs.
  const rowMs = (80_000 * 80 * 4 * 64 * 128) / (4 * H100_FLOPS_PER_MS * 0.67)
  expect(attentionMs(256, false)).toBeCloseTo(256 * rowMs, 9)
  expect(attentionMs(2048, true)).toBeCloseTo((2048 / 8) * rowMs, 9)
  // A tile that its heads overfill costs no less than they do.
  const readMs = (80_000 * 327_680) / (4 * H100_BYTES_PER_MS * 0.89)
  expect(attentionMs(1, true)).toBeCloseTo(readMs, 9)
})

test('by hand: pairs of short prompts cost more by operator, eight times as much at most', () => {
  const attentionMs = (tokens: number): number =>
    breakdown('llama-3.1-70b', 4, stepOf(tokens, 0, 0, 0), { granularity: 'operator' }).attentionMs
  const pairMs = (80 * 4 * 64 * 128) / (4 * H100_FLOPS_PER_MS * 0.67)
  const readMs = 327_680 / (4 * H100_BYTES_PER_MS * 0.89)
  const pairs = (tokens: number): number => (tokens * (tokens + 1)) / 2
  expect(attentionMs(870)).toBeCloseTo(2 * pairs(870) * pairMs + 870 * readMs, 9)
  expect(attentionMs(8700)).toBeCloseTo(1.1 * pairs(8700) * pairMs + 8700 * readMs, 9)
  expect(attentionMs(50)).toBeCloseTo(8 * pairs(50) * pairMs + 50 * readMs, 9)
  const step = breakdown('llama-3.1-70b', 4, stepOf(870, 0, 0, 0))
  expect(step.attentionMs).toBeCloseTo(pairs(870) * pairMs + 870 * readMs, 9)
})

test.each([
  [1024, 0.294],
  [2048, 0.307],
  [4096, 0.312],
  [8192, 0.386],
  [16_384, 0.623],
])(
  'by measurement: %i visits of 32 experts of DeepSeek-V3 in NVFP4 on a B300 take %f ms (flashinfer-ai/flashinfer, pull request 5301)',
  (tokens, measuredMs) => {
    const { expertMs } = breakdown('DeepSeek-V3', 8, stepOf(tokens, 0, 0, 0), {
      gpu: findGpu('B300'),
      parallelism: { tp: 8, pp: 1, ep: 8 },
      precision: 'fp4',
    })
    const ratio = expertMs / 58 / measuredMs
    expect(ratio).toBeGreaterThan(0.85)
    expect(ratio).toBeLessThan(1.1)
  },
)

test.each([
  [128, 0.122],
  [256, 0.129],
  [512, 0.129],
  [1024, 0.142],
  [2048, 0.161],
  [4096, 0.175],
  [8192, 0.276],
  [16_384, 0.619],
  [131_072, 3.584],
])(
  'by measurement: %i visits of 32 experts of DeepSeek-V3 in MXFP4 on CDNA 4 take %f ms (ROCm/aiter, commit 08eb9dc)',
  (tokens, measuredMs) => {
    const { expertMs } = breakdown('DeepSeek-V3', 8, stepOf(tokens, 0, 0, 0), {
      gpu: findGpu('MI355X'),
      parallelism: { tp: 8, pp: 1, ep: 8 },
      precision: 'fp4',
    })
    const ratio = expertMs / 58 / measuredMs
    expect(ratio).toBeGreaterThan(0.8)
    expect(ratio).toBeLessThan(1.15)
  },
)

test.each([
  ['bf16', 1.36, 1.52],
  ['fp8', 2.22, 2.25],
  ['fp4', 3.03, 3.04],
] as const)(
  'by measurement: 16,384 rows in %s reach %f to %f PFLOPS on a B200 (vllm-project/vllm, pull requests 19566 and 20646)',
  (precision, least, most) => {
    const model = findModel('llama-3.1-8b')
    const step = { ...stepOf(16_384, 0, 0, 0), prefillRequests: 0 }
    const gpu = findGpu('B200')
    const { matmulMs } = breakdown(model.name, 1, step, { gpu, precision })
    const layers = 2 * 16_384 * 32 * (4096 * 6144 + 4096 * 4096 + 3 * 4096 * 14_336)
    const reached = layers / matmulMs / 1e12
    expect(reached).toBeGreaterThan(0.97 * least)
    expect(reached).toBeLessThan(1.03 * most)
  },
)
