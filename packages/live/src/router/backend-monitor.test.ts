import { expect, test } from 'vitest'
import { readSample } from './backend-monitor.js'

test.each([
  [
    'vLLM, two engines',
    `# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 4.0
vllm:num_requests_waiting{engine="0",model_name="m"} 2.0
vllm:num_requests_waiting{engine="1",model_name="m"} 0.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.6
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.8
`,
    { waiting: 2, running: 7, kvUsage: 0.7 },
  ],
  [
    'vLLM, as it was',
    `vllm:num_requests_running{model_name="m"} 1.0
vllm:num_requests_waiting{model_name="m"} 5.0
vllm:gpu_cache_usage_perc{model_name="m"} 0.25
`,
    { waiting: 5, running: 1, kvUsage: 0.25 },
  ],
  [
    'SGLang',
    `sglang:num_running_reqs{model_name="m"} 12.0
sglang:num_queue_reqs{model_name="m"} 1.0
sglang:token_usage{model_name="m"} 0.5
`,
    { waiting: 1, running: 12, kvUsage: 0.5 },
  ],
])('the load of %s is read', (_, text, load) => {
  expect(readSample(text, 7)).toEqual({
    takenMs: 7,
    ...load,
    kvUsage: expect.closeTo(load.kvUsage),
  })
})

test('what tells no load is no sample', () => {
  expect(readSample('up 1\nvllm:num_requests_running 1\n', 0)).toBeUndefined()
})
