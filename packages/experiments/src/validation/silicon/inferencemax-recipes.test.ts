import { findGpu, findModel } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { inferenceMaxRecipe, type Recipe, type RecipePlace } from './inferencemax-recipes.js'

function recipe(
  model: string,
  gpu: string,
  engine: string,
  rest: Partial<Omit<RecipePlace, 'model' | 'gpu' | 'engine'>> = {},
): Recipe {
  return inferenceMaxRecipe({
    model: findModel(model),
    gpu: findGpu(gpu),
    engine,
    ...{ precision: 'fp8', tp: 8, dp: 1, promptTokens: 1024, concurrency: 16, version: '' },
    ...rest,
  })
}

test('SGLang looks for requests less often where more are in flight, on Blackwell', () => {
  const polls = (gpu: string, concurrency: number): number | undefined =>
    recipe('deepseek-v3', gpu, 'sglang', { concurrency }).pollSteps
  expect([4, 8, 16, 64].map((concurrency) => polls('b200', concurrency))).toEqual([10, 10, 30, 30])
  expect(polls('h200', 64)).toBeUndefined()
  expect(recipe('qwen3.5-397b-a17b', 'b300', 'sglang', { concurrency: 64 }).pollSteps).toBe(10)
  expect(recipe('qwen3.5-397b-a17b', 'h200', 'sglang').pollSteps).toBeUndefined()
  const fp4 = { precision: 'fp4', concurrency: 4 } as const
  expect(recipe('qwen3.5-397b-a17b', 'b200', 'sglang', fp4).pollSteps).toBe(30)
})

test('a step of TensorRT-LLM has room for one prompt of DeepSeek, whose ranks are balanced', () => {
  const place = { promptTokens: 8192, concurrency: 100 }
  expect(recipe('deepseek-v3', 'h200', 'trtllm', place)).toEqual({
    kvPrecision: 'fp8',
    maxBatchTokens: 8384,
    gpuMemoryUtilization: 0.75,
  })
  const ranks = recipe('deepseek-v3', 'b200', 'trtllm', { ...place, dp: 8, precision: 'fp4' })
  expect(ranks).toMatchObject({
    gpuMemoryUtilization: 0.8,
    promptsTogether: { timeoutSteps: 60, batchingSteps: 0 },
  })
  const gptOss = recipe('gpt-oss-120b', 'b200', 'trtllm', { dp: 4 })
  expect(gptOss.promptsTogether).toEqual({ timeoutSteps: 50, batchingSteps: 10 })
  expect(recipe('gpt-oss-120b', 'h200', 'trtllm', { dp: 4 }).promptsTogether).toBeUndefined()
})

test('caches of 8 bits are those that the scripts ask for', () => {
  const narrow = (...place: Parameters<typeof recipe>): boolean =>
    recipe(...place).kvPrecision === 'fp8'
  expect(narrow('llama-3.1-70b', 'b200', 'vllm')).toBe(true)
  expect(narrow('llama-3.1-70b', 'h100', 'vllm')).toBe(false)
  expect(narrow('minimax-m2', 'b200', 'vllm', { version: '0.19.0' })).toBe(true)
  expect(narrow('minimax-m2', 'b200', 'vllm', { version: '0.17.0' })).toBe(false)
  expect(narrow('minimax-m2', 'h200', 'vllm', { version: '0.18.0' })).toBe(false)
  expect(narrow('qwen3.5-397b-a17b', 'b200', 'sglang', { precision: 'bf16' })).toBe(false)
  expect(recipe('qwen3-32b', 'h100', 'vllm')).toEqual({})
})
