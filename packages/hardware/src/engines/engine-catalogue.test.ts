import { describe, expect, test } from 'vitest'
import { findGpu } from '../gpus/find-gpu.js'
import { defaultFor, ENGINES, findEngine } from './engine-catalogue.js'

describe('the engines', () => {
  test('vLLM takes larger defaults from 70 GiB on, but not on an A100', () => {
    const { maxBatchTokens, maxNumSeqs } = findEngine('vllm')
    const limits = ['h100', 'a100', 'l4'].map((name) => [
      defaultFor(maxBatchTokens, findGpu(name)),
      defaultFor(maxNumSeqs, findGpu(name)),
    ])
    expect(limits).toEqual([
      [8192, 1024],
      [2048, 256],
      [2048, 256],
    ])
  })

  test('only TensorRT-LLM quantises the KV cache with the weights, and reserves whole outputs', () => {
    const quantising = ENGINES.filter((engine) => engine.kvPrecision('fp8') === 'fp8')
    expect(quantising.map(({ name }) => name)).toEqual(['trtllm'])
    expect(findEngine('TensorRT-LLM')).toMatchObject({
      preemption: 'reserve_all',
      reservedOutputShare: 1,
      kvBlockTokens: 32,
    })
    expect(findEngine('trtllm').kvPrecision('bf16')).toBe('bf16')
  })

  test('an unknown engine gets the nearest one', () => {
    expect(() => findEngine('sglagn')).toThrow(
      'unknown engine "sglagn": did you mean "sglang"? Known: vllm, sglang, trtllm',
    )
  })
})
