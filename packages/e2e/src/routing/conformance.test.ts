// Facts about routers in production, from reports of those who run them, that simulations must reproduce.
import { findRouter } from '@routesim/algorithms'
import type { RoutingAlgorithm } from '@routesim/core'
import { compare, parseConfig } from '@routesim/experiments'
import type { RunSummary } from '@routesim/metrics'
import { describe, expect, test } from 'vitest'
import { backend, STEPPERS, type Stepper, seeing, tinyRun } from '../testing/tiny-run.js'

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

test.each(['smg_least_load', 'vllm_data_parallel'])(
  'and %s counts what it has sent, too',
  (name) => {
    const requests = Array.from({ length: 8 }, () => ({ arrivalMs: 150, outputTokens: 100 }))
    const metrics = { intervalMs: 100, delayMs: 0, dropProbability: 0 }
    const router = findRouter(name).create({ ties: 'first' })
    const run = tinyRun({
      requests: [{ arrivalMs: 0 }, ...requests],
      backends: [backend(), backend()],
      router,
      visibility: seeing({ metrics }),
    })
    const sent = [...run.outcomes.backend.subarray(1)]
    expect(sent.filter((each) => each === 0)).toHaveLength(4)
  },
)

test('several routers: a threshold of requests under way counts for each of them', () => {
  /** Requests, all alike and endless, until one goes elsewhere. */
  const until = (replicas: number): number => {
    const requests = Array.from({ length: 100 }, (_, i) => ({
      arrivalMs: 2000 * i,
      shared: 'prompt',
      promptTokens: 160,
      outputTokens: 100_000,
    }))
    const router = Array.from({ length: replicas }, () =>
      findRouter('sglang_cache_aware').create({ balance_abs: 8 }),
    )
    const backends = [0, 1].map(() => backend({ kv: { blocks: 1_000_000, blockTokens: 16 } }))
    const visibility = seeing({ routers: { replicas, split: 'round_robin', syncMs: 0 } })
    const run = tinyRun({ requests, backends, router, visibility, stepper: 'fast' })
    return [...run.outcomes.backend].findIndex((id) => id !== 0)
  }
  // Nine against none is more than eight apart, for each router by its own count.
  expect([1, 2, 4, 8].map(until)).toEqual([9, 18, 36, 72])
})

describe('sglang#32983: one request at a time, none like another, on four backends', () => {
  function shares(ties: string): number[] {
    const requests = Array.from({ length: 400 }, (_, i) => ({
      arrivalMs: 2000 * i,
      shared: `prompt ${i}`,
      promptTokens: 160,
    }))
    const router = findRouter('sglang_cache_aware').create({ ties })
    const run = tinyRun({ requests, backends: [0, 1, 2, 3].map(() => backend()), router })
    const chosen = [...run.outcomes.backend]
    return [0, 1, 2, 3].map((id) => chosen.filter((each) => each === id).length)
  }

  test('the first of equals gets them all', () => {
    expect(shares('first')).toEqual([400, 0, 0, 0])
  })

  test('at random each gets about a quarter', () => {
    for (const share of shares('random')) expect(Math.abs(share - 100)).toBeLessThan(40)
  })
})

describe('llm-d-router#2853: an engine that restarts without saying that its cache is empty', () => {
  const PREFIXES = 20
  /** Where prefixes go after a restart of backend 0, which had all of each, as 1 has half. */
  function afterRestart(clearsOnRestart: boolean, stepper: Stepper) {
    const inner = findRouter('epp_scorers').create({ preset: 'llm_d_precise', ties: 'first' })
    const router: RoutingAlgorithm = {
      name: 'precise',
      route: (request, cluster) =>
        request.id < 2 * PREFIXES
          ? cluster.backends[request.id % 2]!
          : inner.route(request, cluster),
    }
    const warm = Array.from({ length: 2 * PREFIXES }, (_, i) => ({
      arrivalMs: 500 * i,
      shared: `prefix ${Math.floor(i / 2)}`,
      sharedTokens: i % 2 === 0 ? 960 : 480,
      promptTokens: 1000,
    }))
    const later = [0, 1].flatMap((round) =>
      Array.from({ length: PREFIXES }, (_, i) => ({
        arrivalMs: 60_000 + 20_000 * round + 500 * i,
        shared: `prefix ${i}`,
        sharedTokens: 960,
        promptTokens: 1000,
      })),
    )
    const kvEvents = { delayMs: 1, lossProbability: 0, startsEmpty: false, clearsOnRestart }
    const { outcomes } = tinyRun({
      stepper,
      requests: [...warm, ...later],
      backends: [backend(), backend()],
      router,
      visibility: seeing({ prefixes: kvEvents }),
      events: [
        { atMs: 40_000, backend: 0, kind: 'fail' },
        { atMs: 41_000, backend: 0, kind: 'recover' },
      ],
    })
    const of = (column: Int32Array, round: number) => [
      ...column.subarray((2 + round) * PREFIXES, (3 + round) * PREFIXES),
    ]
    return {
      backends: of(outcomes.backend, 0),
      cached: of(outcomes.cachedTokens, 0),
      backendsLater: of(outcomes.backend, 1),
      cachedLater: of(outcomes.cachedTokens, 1),
    }
  }
  const all = (value: number): number[] => Array.from({ length: PREFIXES }, () => value)

  test.each(STEPPERS)('is sent every prefix though it has none (%s)', (stepper) => {
    const { backends, cached, backendsLater, cachedLater } = afterRestart(false, stepper)
    expect([backends, cached]).toEqual([all(0), all(0)])
    // Only then it holds them again.
    expect([backendsLater, cachedLater]).toEqual([all(0), all(960)])
  })

  test.each(STEPPERS)('loses them when it says so (%s)', (stepper) => {
    const { backends, cached } = afterRestart(true, stepper)
    expect([backends, cached]).toEqual([all(1), all(480)])
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
