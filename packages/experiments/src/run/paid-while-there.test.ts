import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

const CONFIG = `
[cluster]
num_backends = 2
[trace]
rate = 5
duration_sec = 40
gen_tokens_mean = 20
`

test('a fleet costs less for a backend that is there half of the time, also without per-request data', async () => {
  const gpuSeconds = async (events: string, perRequest: boolean): Promise<number> => {
    const config = parseConfig(CONFIG + events)
    const { results } = await compare({ config, algorithms: ['round_robin'], perRequest })
    const [of] = results
    const { duration_ms, completed_requests, fleet_gpu_seconds_per_request } = of as RunSummary
    return (1000 * fleet_gpu_seconds_per_request! * completed_requests) / duration_ms
  }
  const removed = '[[events]]\nkind = "remove"\nbackend = 1\nat_sec = 20\n'
  const added = '[[events]]\nkind = "add"\nbackend = 1\nat_sec = 20\n'
  for (const perRequest of [true, false]) {
    expect(await gpuSeconds('', perRequest)).toBeCloseTo(2, 6)
    expect(await gpuSeconds(removed, perRequest)).toBeCloseTo(1.5, 1)
    expect(await gpuSeconds(added, perRequest)).toBeCloseTo(1.5, 1)
  }
})
