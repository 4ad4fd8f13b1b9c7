// Shapes of published comparisons of routers, on stand-ins for their fleets.
import { findRouter } from '@routesim/algorithms'
import { RandomStream, type RoutingAlgorithm } from '@routesim/core'
import { compare, parseConfig } from '@routesim/experiments'
import { affineLatency } from '@routesim/hardware'
import type { RunSummary } from '@routesim/metrics'
import { describe, expect, test } from 'vitest'
import { backend, seeing, type TinyRequest, tinyRun, tinyTable } from '../testing/tiny-run.js'

describe('llm-d at 73% of its KV capacity: eight pods of Qwen3-32B on two H100, 150 prefixes of 6,000 tokens', () => {
  // vLLM of 2025 did not schedule ahead, 44.20 ms per token and 41.73 ms if it did, and cut its graphs, as in `validate`.
  const CONFIG = parseConfig(`
[simulation]
warmup_requests = 750
[cluster]
num_backends = 8
model = "Qwen3-32B"
gpu = "H100 SXM"
tp = 2
kv_cache_blocks = 19208
compute_model = { kind = "roofline", host_ms_per_step = ${44.2 - 41.73}, cuda_graphs = "piecewise" }
max_queue_depth = 100000
[visibility]
profile = "llm-d"
`)
  const PRECISE = 'epp_scorers@llm_d_precise'
  const ESTIMATED = 'epp_scorers@gaie_1_0'
  const LOAD = 'epp_scorers@llm_d_load_only'

  /** Poisson arrivals: 15/s for 50 s to fill the caches, a pause to drain, and a stage. */
  function stages(rateRps: number, durationSec: number): TinyRequest[] {
    const random = new RandomStream(73, 'stages')
    const requests: TinyRequest[] = []
    const stage = (fromMs: number, rate: number, count: number) => {
      for (let i = 0, t = fromMs; i < count; i++) {
        t += random.exponential(1000 / rate)
        requests.push({
          arrivalMs: t,
          promptTokens: 7200,
          outputTokens: 1000,
          shared: `prefix ${random.integer(150)}`,
          sharedTokens: 6000,
        })
      }
    }
    stage(0, 15, 750)
    stage(600_000, rateRps, rateRps * durationSec)
    return requests
  }

  async function at(rateRps: number, durationSec: number) {
    const algorithms = [PRECISE, ESTIMATED, LOAD, 'random']
    const trace = tinyTable(stages(rateRps, durationSec))
    const { results } = await compare({ config: CONFIG, trace, algorithms, jobs: 1 })
    return Object.fromEntries(results.map((each) => [each.algorithm, each as RunSummary]))
  }

  test('below 10 requests/s all keep up', async () => {
    for (const rate of [3, 10]) {
      const results = Object.values(await at(rate, 20))
      const rates = results.map((result) => result.requests_per_sec!)
      expect(Math.min(...rates)).toBeGreaterThan(0.89 * Math.max(...rates))
      for (const { ttft } of results) expect(ttft.p90!).toBeLessThan(1500)
    }
  })

  test('between 15 and 20 requests/s routers that do not look at prefixes break down, the others do not', async () => {
    const [below, above] = [await at(15, 20), await at(20, 38)]
    for (const blind of [LOAD, 'random']) {
      expect(below[blind]!.ttft.p90!).toBeLessThan(2000)
      expect(above[blind]!.ttft.p90!).toBeGreaterThan(20_000)
    }
    for (const aware of [PRECISE, ESTIMATED]) expect(below[aware]!.ttft.p90!).toBeLessThan(1000)
    expect(above[PRECISE]!.ttft.p90!).toBeLessThan(1000)
    // Published just short of saturation, and predicted just beyond: see docs/explanation/accuracy.md.
    expect(above[ESTIMATED]!.ttft.p50!).toBeLessThan(1000)
  })

  test.each([
    [20, 38, 4],
    [25, 30, 10],
  ])(
    'at %i requests/s: precise, then estimated, then far behind load and random, alike',
    async (rate, seconds, ahead) => {
      const results = await at(rate, seconds)
      const p90 = (name: string): number => results[name]!.ttft.p90!
      const tokens = (name: string): number => results[name]!.requests_per_sec!
      expect(p90(PRECISE)).toBeLessThan(p90(ESTIMATED))
      expect(ahead * p90(ESTIMATED)).toBeLessThan(Math.min(p90(LOAD), p90('random')))
      expect(Math.abs(p90(LOAD) / p90('random') - 1)).toBeLessThan(0.25)
      expect(tokens(PRECISE)).toBeGreaterThan(tokens(ESTIMATED))
      // Published: 8730, 6944, 4429 and 4266 output tokens/s over all stages.
      expect(tokens(ESTIMATED)).toBeGreaterThan(1.2 * Math.max(tokens(LOAD), tokens('random')))
    },
  )
})

test('long answers: routing hardly matters (llm-d, reasoning, 10 pods)', async () => {
  const config = parseConfig(`
[cluster]
num_backends = 10
model = "Qwen3-32B"
gpu = "H100 SXM"
tp = 2
max_queue_depth = 100000
[trace]
rate = 1
duration_sec = 400
prompt_tokens_mean = 1250
gen_tokens_mean = 8000
gen_tokens_std = 4000
num_prefixes = 1
prefix_len_mean = 250
[visibility]
profile = "llm-d"
`)
  const algorithms = ['round_robin', 'epp_scorers@llm_d_precise', 'epp_sticky@llm_d_decode_bound']
  const { results } = await compare({ config, algorithms, jobs: 1 })
  const rates = (results as RunSummary[]).map((result) => result.requests_per_sec!)
  expect(Math.min(...rates)).toBeGreaterThan(0.95 * Math.max(...rates))
})

test('caches that are never full: round robin, least load and prefix hash alike (kubeai#507)', async () => {
  const config = parseConfig(`
[cluster]
num_backends = 8
kv_cache_blocks = 200000
[trace]
rate = 12
duration_sec = 120
prompt_tokens_mean = 600
turns_mean = 8
think_time_mean_sec = 5
num_prefixes = 0
[simulation]
warmup_requests = 200
`)
  const algorithms = ['round_robin', 'least_outstanding', 'chwbl_prefix@kubeai']
  const { results } = await compare({ config, algorithms, jobs: 1 })
  const all = results as RunSummary[]
  const rates = all.map((result) => result.requests_per_sec!)
  const ttfts = all.map(({ ttft }) => ttft.p50!)
  expect(Math.min(...rates)).toBeGreaterThan(0.95 * Math.max(...rates))
  expect(Math.max(...ttfts) - Math.min(...ttfts)).toBeLessThan(50)
})

describe('llm-d-router#298: 800 requests under way at a time, nothing shared', () => {
  const latency = affineLatency({
    baseMs: 15,
    prefillMsPerToken: 0.05,
    decodeMsPerRequest: 0.03,
    decodeMsPerContextToken: 1e-5,
  })
  function meanTtftMs(router: RoutingAlgorithm, visibility = seeing({})): number {
    const requests = Array.from({ length: 3200 }, () => ({
      promptTokens: 1000,
      outputTokens: 1000,
    }))
    const backends = Array.from({ length: 8 }, () =>
      backend({
        latency,
        kv: { blocks: 40_000, blockTokens: 16 },
        maxQueueDepth: 100_000,
        maxBatchTokens: 8192,
      }),
    )
    const run = tinyRun({
      stepper: 'fast',
      requests,
      backends,
      router,
      visibility,
      maxInFlight: 800,
    })
    let total = 0
    for (let i = 800; i < 3200; i++) total += run.outcomes.firstTokenMs[i]! - run.sentMs[i]!
    return total / 2400
  }
  const scraped = seeing({
    name: 'scraped',
    metrics: { intervalMs: 50, delayMs: 0, dropProbability: 0 },
  })
  const byMetrics = () => findRouter('epp_scorers').create({ preset: 'llm_d_load_only' })
  const byOwnRequests = () => findRouter('least_outstanding').create()

  test('with metrics of this instant, metrics are as good as own requests', () => {
    expect(meanTtftMs(byMetrics()) / meanTtftMs(byOwnRequests())).toBeCloseTo(1, 1)
  })

  test('with metrics of every 50 ms they are worse', () => {
    const own = meanTtftMs(byOwnRequests(), scraped)
    expect(meanTtftMs(byMetrics(), scraped)).toBeGreaterThan(1.5 * own)
  })
})
