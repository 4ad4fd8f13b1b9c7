// Facts about routers in production, from reports of those who run them, that simulations must reproduce.
import { findRouter } from '@routesim/algorithms'
import type { RoutingAlgorithm } from '@routesim/core'
import { compare, parseConfig } from '@routesim/experiments'
import type { RunSummary } from '@routesim/metrics'
import { describe, expect, test } from 'vitest'
import { backend, seeing, tinyRun } from '../testing/tiny-run.js'

describe('vllm-project/router#177: polled load alone herds', () => {
  /** How many of eight requests at once go to each of two backends, the second of which is busy. */
  function split(preset: string): number[] {
    const polled = findRouter('power_of_two').create({ preset })
    const router: RoutingAlgorithm = {
      name: preset,
      route: (request, cluster) =>
        request.id === 0 ? cluster.backends[1]! : polled.route(request, cluster),
    }
    const requests = [
      { arrivalMs: 0, outputTokens: 100 },
      ...Array.from({ length: 8 }, () => ({ arrivalMs: 150, outputTokens: 100 })),
    ]
    const metrics = { intervalMs: 100, delayMs: 0, dropProbability: 0 }
    const visibility = seeing({ metrics })
    const run = tinyRun({ requests, backends: [backend(), backend()], router, visibility })
    const sent = [...run.outcomes.backend.subarray(1)]
    return [0, 1].map((id) => sent.filter((each) => each === id).length)
  }

  test('eight to none', () => {
    expect(split('vllm_router_polled')).toEqual([8, 0])
  })

  test('with what was sent since, they spread', () => {
    const [idle, busy] = split('vllm_router')
    expect(idle! + busy!).toBe(8)
    expect(Math.abs(idle! - busy!)).toBeLessThanOrEqual(2)
  })
})

test('several routers share what KV events tell, but not what each has sent', async () => {
  const config = parseConfig(`
[cluster]
num_backends = 8
kv_cache_blocks = 8192
[trace]
rate = 12
duration_sec = 120
prompt_tokens_mean = 1500
turns_mean = 6
think_time_mean_sec = 5
num_prefixes = 4
`)
  const replicas = [1, 2, 4, 8]
  const { results } = await compare({
    config,
    algorithms: ['dynamo_kv@approximate', 'dynamo_kv@classic'],
    visibility: replicas.map((count) => (count === 1 ? 'dynamo' : `dynamo:routers=${count}`)),
    jobs: 1,
  })
  const rates = results.map((result) => (result as RunSummary).token_hit_rate!)
  const [approximate, told] = [rates.slice(0, 4), rates.slice(4)]
  for (let i = 1; i < 4; i++) expect(approximate[i]).toBeLessThan(approximate[i - 1]!)
  expect(approximate[0]! - approximate[3]!).toBeGreaterThan(0.1)
  // It even rises: each router counts its own requests only, so that load keeps fewer from the cache.
  for (const rate of told) expect(rate).toBeGreaterThanOrEqual(told[0]!)
})
