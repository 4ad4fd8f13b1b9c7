import { EMPTY_STEP } from '@routesim/core'
import { findGpu, findLink, findModel, type RooflineOptions } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { affineBasis, rooflineBasis, type StepTerm } from './step-basis.js'

/** Llama 3.1 70B on four H100. */
const h100: RooflineOptions = {
  model: findModel('llama-3.1-70b'),
  gpu: findGpu('h100'),
  parallelism: { tp: 4, pp: 1, ep: 1 },
  precision: 'bf16',
  kvPrecision: 'bf16',
  hostMsPerRequest: 0.035,
  granularity: 'step',
}
const BYTES_PER_MS = 3.35e9
const FLOPS_PER_MS = 989.5e9
/** Products of all layers and of the output on one of the GPUs. */
const LAYERS = (80 * (8192 * 128 * (64 + 2 * 8 + 64) + 3 * 8192 * 28_672)) / 4
const HEAD = (128_256 * 8192) / 4
/** An all-reduce of 16-bit activations, twice per layer, at all that NVLink 4 gives. */
const reducedMs = (tokens: number): number => (160 * 1.5 * tokens * 8192 * 2) / 450e6

function termOf(terms: readonly StepTerm[], key: string): StepTerm {
  return terms.find((term) => term.key === key)!
}

test('by hand: the least that prices of an affine model can be', () => {
  const { terms } = affineBasis(h100)
  const least = (key: string): number => termOf(terms, key).least
  // A step of one decode reads all weights; its few operations and activations hide behind that.
  const base = (2 * (LAYERS + HEAD)) / BYTES_PER_MS + reducedMs(1)
  expect(least('base_ms') / base).toBeCloseTo(1, 6)
  // A prompt of 2048 tokens computes, and reads half of itself at each token's turn.
  const contextMs = 327_680 / (4 * BYTES_PER_MS)
  const products = (2 * (2048 * LAYERS + HEAD)) / FLOPS_PER_MS
  const prompt = products + reducedMs(2048) + (contextMs * 2047) / 2
  expect(least('prefill_ms_per_token') / ((prompt - base) / 2048)).toBeCloseTo(1, 6)
  expect(least('decode_ms_per_request') / reducedMs(1)).toBeCloseTo(1, 6)
  expect(least('decode_ms_per_context_token') / contextMs).toBeCloseTo(1, 9)
  expect(least('mixed_decode_ms_per_context_token') / contextMs).toBeCloseTo(1, 9)
  const pairMs = (4 * 64 * 128 * 80) / (4 * FLOPS_PER_MS)
  expect(least('prefill_ms_per_attention_pair') / (pairMs + contextMs / 2048)).toBeCloseTo(1, 9)
})

test('by hand: how much faster than a roofline its parts can be', () => {
  const { terms } = rooflineBasis(h100)
  // Of a long prompt with decodes the bytes count, of one decode the latency of 10 µs does.
  const bytesMs = reducedMs(2048 + 64)
  const communication = bytesMs / (bytesMs / 0.72 + 160 * 0.01)
  expect(termOf(terms, 'communication_scale').least).toBeCloseTo(communication, 9)
  // Decodes read at 89 % of the bandwidth.
  expect(termOf(terms, 'attention_scale').least).toBeCloseTo(0.89, 9)
  const matmul = termOf(terms, 'matmul_scale').least
  expect(matmul).toBeGreaterThan(0.69)
  expect(matmul).toBeLessThan(0.92)
})

test('bounds are the same whether the link of the GPU is named or not', () => {
  const named = { ...h100, link: findLink('NVLink 4') }
  for (const basis of [affineBasis, rooflineBasis]) {
    const leasts = (options: RooflineOptions): number[] =>
      basis(options).terms.map(({ least }) => least)
    expect(leasts(h100)).toEqual(leasts(named))
  }
})

test('one GPU has nothing to communicate, and terms add up to the step', () => {
  const keys = rooflineBasis({ ...h100, parallelism: { tp: 1, pp: 1, ep: 1 } }).terms
  expect(keys.map(({ key }) => key)).not.toContain('communication_scale')
  const step = {
    ...EMPTY_STEP,
    prefillTokens: 100,
    prefillRequests: 1,
    prefillAttentionPairs: 5050,
    decodeRequests: 8,
    decodeContextTokens: 8000,
  }
  for (const basis of [affineBasis(h100), rooflineBasis(h100)]) {
    const parameters = basis.terms.map(({ expected }) => expected)
    const sum = basis.terms.reduce((total, { units }, i) => total + units(step) * parameters[i]!, 0)
    expect(basis.latency(parameters).stepMs(step)).toBeCloseTo(sum, 9)
  }
})
