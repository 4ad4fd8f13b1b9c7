import { expect, test } from 'vitest'
import { llmdExperiments } from './llmd/llmd-experiments.js'
import { vllmOf } from './vllm-releases.js'

test('a release is what its defaults were: one GPU waits 0.46 ms a step for the scheduler, four 2.47', () => {
  expect(vllmOf('0.11', 1).hostMsPerStep).toBeCloseTo(0.4636, 4)
  expect(vllmOf('0.10', 4).hostMsPerStep).toBeCloseTo(2.47, 9)
  expect([vllmOf('0.10', 1), vllmOf('0.11', 4)].map(({ cudaGraphs }) => cudaGraphs)).toEqual([
    'piecewise',
    'full',
  ])
})

const workload = {
  model: 'Qwen/Qwen3-32B',
  gpu: 'H100 80GB',
  pods: 8,
  tp: 2,
  arrivals: 'poisson',
  warmup: { rate: 15, duration_s: 50 },
  stages: [[3, 20]],
  num_groups: 2,
  prompts_per_group: 2,
  system_prompt_len: 6000,
  question_len: 1200,
  output_len: 1000,
  policies: { estimated: 'hashBlockSize 32', random: 'random-picker' },
}

function deploymentOf(fields: object) {
  return llmdExperiments({ one: { ...workload, ...fields } })[0]!.deployment
}

test('engines of 2025 are as their releases were, with the cache they printed and the blocks of its events', () => {
  const { policies } = workload
  const deployment = deploymentOf({
    engine: 'vLLM (Sep 2025)',
    kv_tokens_per_pod: 307_328,
    policies: { ...policies, precise: 'cache_tracking (KV events, blockSize 64)' },
  })
  expect(deployment).toMatchObject({ kvTokens: 307_328, blockTokens: 64, ...vllmOf('0.10', 2) })
})

test('engines of 2026 take what their guides give them', () => {
  const vllm = deploymentOf({ engine: 'vLLM (2026, ~0.19-0.23)' })
  expect(vllm).toMatchObject({ gpuMemoryUtilization: 0.95 })
  // The router's own blocks are none of the engine's.
  expect(Object.keys(vllm)).not.toContain('blockTokens')
  expect(Object.keys(vllm)).not.toContain('hostMsPerStep')
  expect(deploymentOf({ engine: 'SGLang 0.5' })).toMatchObject({ gpuMemoryUtilization: 0.9 })
  const said = { engine: 'vLLM 0.22, gpu_memory_utilization 0.85', model: 'openai/gpt-oss-120b' }
  expect(deploymentOf(said)).toMatchObject({ gpuMemoryUtilization: 0.85, blockTokens: 128 })
})
