// The benchmark of Dynamo's guide to its KV router: prompts of 14,000 tokens, a share of which is one of 20 prefixes,
// 200 tokens out, 200 requests, 20 of them under way at a time, on 8 backends.
import { findRouter } from '@routesim/algorithms'
import { RandomStream, type RunResult } from '@routesim/core'
import { mockerLatency } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { backend, seeing, type TinyRequest, tinyRun } from '../testing/tiny-run.js'

const PROMPT_TOKENS = 14_000
const RATIOS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]
const KV = { blocks: 16_384, blockTokens: 64 }

function traffic(ratio: number, seed: number): TinyRequest[] {
  const random = new RandomStream(seed, 'prefixes')
  return Array.from({ length: 200 }, () => ({
    promptTokens: PROMPT_TOKENS,
    outputTokens: 200,
    shared: `prefix ${random.integer(20)}`,
    sharedTokens: Math.round(ratio * PROMPT_TOKENS),
  }))
}

/** Mean TTFT in ms and output tokens per second of one run. */
function measured(router: string, ratio: number, seed: number) {
  const latency = mockerLatency({ totalKvTokens: KV.blocks * KV.blockTokens })
  const [name, preset] = router.split('@')
  const run: RunResult = tinyRun({
    stepper: 'fast',
    requests: traffic(ratio, seed),
    backends: Array.from({ length: 8 }, () => backend({ latency, kv: KV, maxBatchTokens: 8192 })),
    router: findRouter(name!).create(preset === undefined ? {} : { preset }),
    visibility: seeing({
      name: 'dynamo',
      metrics: 'none',
      prefixes: { delayMs: 0, lossProbability: 0, startsEmpty: false, clearsOnRestart: true },
    }),
    maxInFlight: 20,
    seed,
  })
  const { firstTokenMs, finishedMs } = run.outcomes
  let ttftMs = 0
  let endMs = 0
  for (let i = 0; i < 200; i++) {
    ttftMs += (firstTokenMs[i]! - run.sentMs[i]!) / 200
    endMs = Math.max(endMs, finishedMs[i]!)
  }
  return { ttftMs, tokensPerSec: (200 * 200 * 1000) / endMs }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

test('KV routing beats round robin at every prefix ratio, by more the more is shared', () => {
  const gains = RATIOS.map((ratio) => {
    const of = (router: string) => {
      const runs = SEEDS.map((seed) => measured(router, ratio, seed))
      return {
        ttftMs: mean(runs.map(({ ttftMs }) => ttftMs)),
        tokensPerSec: mean(runs.map(({ tokensPerSec }) => tokensPerSec)),
      }
    }
    const [even, kv] = [of('round_robin'), of('dynamo_kv@classic')]
    return { ttft: 1 - kv.ttftMs / even.ttftMs, rate: kv.tokensPerSec / even.tokensPerSec - 1 }
  })
  for (const { ttft, rate } of gains) {
    expect(ttft).toBeGreaterThan(0)
    expect(rate).toBeGreaterThan(0)
  }
  // Two tenths apart, what is between them is more than chance.
  for (let i = 2; i < gains.length; i++) {
    expect(gains[i]!.ttft).toBeGreaterThan(gains[i - 2]!.ttft)
    expect(gains[i]!.rate).toBeGreaterThan(gains[i - 2]!.rate)
  }
  expect(gains.at(-1)!.ttft).toBeGreaterThan(0.15)
})
