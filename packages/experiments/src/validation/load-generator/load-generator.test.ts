import { type LatencyModel, RandomStream } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { inferencePerfArrivals } from './arrivals.js'
import { closedLoopMeans } from './closed-loop.js'
import { STAGE_SPACING_MS, sharedPrefixWorkload } from './shared-prefix-workload.js'
import { simulateStages } from './simulate-stages.js'

test('constant arrivals: the count of the rate, the last at the end of the stage', () => {
  const times = inferencePerfArrivals('constant', 4, 10, new RandomStream(1, 'test'))
  expect(times).toHaveLength(40)
  expect(times.at(-1)).toBeCloseTo(10_000, 6)
  expect(times.every((time, i) => time > (times[i - 1] ?? 0))).toBe(true)
})

test('poisson arrivals: counts of seconds vary about the rate', () => {
  const times = inferencePerfArrivals('poisson', 20, 1000, new RandomStream(1, 'test'))
  expect(times).toHaveLength(20_000)
  const counts = new Array<number>(900).fill(0)
  for (const time of times) if (time < 900_000) counts[Math.floor(time / 1000)]!++
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length
  expect(mean).toBeCloseTo(20, 0)
  expect(variance / mean).toBeGreaterThan(0.8)
  expect(variance / mean).toBeLessThan(1.2)
})

const load = {
  groups: 3,
  promptsPerGroup: 2,
  systemTokens: 64,
  questionTokens: 16,
  outputTokens: 5,
  arrivals: 'constant',
  stages: [
    { rateRps: 2, durationSec: 4 },
    { rateRps: 1, durationSec: 3 },
  ],
} as const

test('every stage sends the prompts again from the first', () => {
  const { requests, firstRows } = sharedPrefixWorkload(load, 1)
  expect(firstRows).toEqual([0, 8, 11])
  const nodes = [...requests.promptNode]
  expect(new Set(nodes.slice(0, 6)).size).toBe(6)
  expect(nodes.slice(6, 8)).toEqual(nodes.slice(0, 2))
  expect(nodes.slice(8)).toEqual(nodes.slice(0, 3))
  expect(requests.arrivalMs[8]! - STAGE_SPACING_MS).toBeGreaterThan(0)
  const groups = new Set(nodes.map((node) => requests.prompts.parent[node]))
  expect(groups.size).toBe(3)
})

const stepsOf = (baseMs: number): LatencyModel =>
  affineLatency({
    baseMs,
    prefillMsPerToken: 0,
    decodeMsPerRequest: 0,
    decodeMsPerContextToken: 0,
  })

const backend = {
  role: 'both',
  latency: stepsOf(10),
  kv: { blocks: 1000, blockTokens: 16 },
  maxBatchTokens: 8192,
  maxNumSeqs: 64,
  maxQueueDepth: 1000,
  chunkedPrefill: true,
} as const

test('metrics are those of the load generator: from sending, with the front end, tokens counted again', () => {
  const [, stage] = simulateStages({
    backends: [backend],
    prefixCaching: true,
    load: { ...load, stages: [load.stages[0], { rateRps: 0.1, durationSec: 10 }] },
    measuring: { frontEndMs: 5, countedTokenShare: 0.5 },
    router: () => ({ name: 'one', route: (_, cluster) => cluster.backends[0]! }),
    seeds: 2,
  })
  // One request alone: five steps of 10 ms and 5 ms before them.
  expect(stage!['ttft_mean_s']).toBeCloseTo(0.015, 9)
  expect(stage!['e2e_p99_s']).toBeCloseTo(0.055, 9)
  expect(stage!['itl_mean_s']).toBeCloseTo(0.01, 9)
  expect(stage!['output_tok_s']).toBeCloseTo((5 * 0.5) / 0.055, 6)
})

test('a closed loop keeps its concurrency', () => {
  const loop = {
    promptTokens: 32,
    outputTokens: 11,
    concurrency: 4,
    leastShare: 1,
    rounds: 3,
  }
  const means = closedLoopMeans([backend], 2, loop)
  expect(means!.ttftMs).toBeCloseTo(12, 9)
  expect(means!.tpotMs).toBeCloseTo(10, 9)
  const tiny = { ...backend, kv: { blocks: 1, blockTokens: 16 } }
  expect(closedLoopMeans([tiny], 2, loop)).toBeUndefined()
})

describe('a closed loop over backends for prompts and for answers', () => {
  // One prompt a step, of 15 ms.
  const prefill = { ...backend, role: 'prefill', latency: stepsOf(15), maxBatchTokens: 32 } as const
  const decode = { ...backend, role: 'decode' } as const
  // 3 ms, and 2 ms for 32 tokens.
  const transfer = { latencyMs: 3, bandwidthBytesPerSec: 16e6, bytesPerToken: 1000 }
  const loop = { promptTokens: 32, outputTokens: 11, concurrency: 2, leastShare: 1, rounds: 1 }

  test('by hand: one prompt after another, their KV caches sent, ten steps from the next on', () => {
    const means = closedLoopMeans([prefill, decode], 2, loop, transfer)
    expect(means!.ttftMs).toBeCloseTo((15 + 30) / 2 + 2, 9)
    // The first decodes from 20 to 120 ms; the second is there at 35 and joins at 40.
    expect(means!.tpotMs).toBeCloseTo((105 / 10 + 110 / 10) / 2, 9)
  })

  test('each gets requests in its turn', () => {
    const backends = [prefill, prefill, decode, decode, decode]
    const two = closedLoopMeans(backends, 2, loop, transfer)
    expect(two!.ttftMs).toBeCloseTo(15 + 2, 9)
    expect(two!.tpotMs).toBeCloseTo(10.5, 9)
    // The third prompt waits for the first, but its decodes for nobody's.
    const three = closedLoopMeans(backends, 2, { ...loop, concurrency: 3 }, transfer)
    expect(three!.ttftMs).toBeCloseTo((15 + 15 + 30) / 3 + 2, 9)
    expect(three!.tpotMs).toBeCloseTo(10.5, 9)
  })

  test('a request that decode backends can not hold has no means', () => {
    const tiny = { ...decode, kv: { blocks: 1, blockTokens: 16 } }
    expect(closedLoopMeans([prefill, tiny], 2, loop, transfer)).toBeUndefined()
  })
})
