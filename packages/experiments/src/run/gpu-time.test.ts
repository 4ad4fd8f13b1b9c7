import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { metric } from './metric.js'
import { run } from './run.js'

test('GPU time of a backend is that of all its GPUs, as its price is', async () => {
  const summaryOf = async (gpus: string) => {
    const config = parseConfig(`
[cluster]
num_backends = 2
${gpus}
[trace]
rate = 5
duration_sec = 5
`)
    return (await run({ config, jobs: 1 })).result
  }
  // Step times without a model do not depend on the GPUs.
  const one = await summaryOf('')
  const eight = await summaryOf('tp = 4\npp = 2')
  expect(eight.ttft).toEqual(one.ttft)
  const paths = [
    'gpu_seconds_per_request',
    'fleet_gpu_seconds_per_request',
    'busy_cost_per_1k_tokens',
  ]
  for (const path of paths) {
    expect(metric(eight, path).value! / metric(one, path).value!).toBeCloseTo(8, 9)
  }
})
