import {
  NO_NODE,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { expect, test } from 'vitest'
import { affineLatency } from '../latency/affine-latency.js'
import { warmKvCache } from './warm-kv-cache.js'

const BLOCK = 4

/** Requests of 40 prompt tokens, the first so many of which are a prefix of one stream. */
function withPrefixes(...prefixes: number[]): RequestTable {
  const builder = new RequestTableBuilder()
  for (const prefixTokens of prefixes) {
    const promptNode = builder.prompts.stream(NO_NODE, 'shared', prefixTokens)
    builder.add({ arrivalMs: 0, promptTokens: 40, outputTokens: 4, prefixTokens, promptNode })
  }
  return builder.build()
}

function usageOf(kv: ReturnType<ReturnType<typeof warmKvCache>>) {
  const usage = { total: 0, held: 0, cached: 0, free: 0 }
  kv.usage(0, usage)
  return usage
}

test('by hand: each request finds its prefix in whole blocks, and those together hold it once', () => {
  const kv = warmKvCache()(withPrefixes(10, 23, 40), [{ blocks: 30, blockTokens: BLOCK }])
  expect([0, 1, 2].map((request) => kv.matchOn(0, request, 39))).toEqual([8, 20, 36])
  expect(kv.admit(0, 0, 8, 40)).toBe(true)
  expect(usageOf(kv)).toMatchObject({ held: 10, cached: 0 })
  // Of its 20 tokens 8 are there: 10 blocks - 2.
  expect(kv.admit(0, 1, 20, 40)).toBe(true)
  expect(usageOf(kv)).toMatchObject({ held: 18, cached: 0 })
  for (const request of [0, 1]) kv.release(0, request)
  // The 23 tokens that two requests or more share stay; what was never computed is free.
  expect(usageOf(kv)).toEqual({ total: 30, held: 0, cached: 5, free: 25 })
  kv.verify()
})

test('a prefix that was evicted is found again, and takes the room it needs', () => {
  const kv = warmKvCache()(withPrefixes(20, 20, 0), [{ blocks: 12, blockTokens: BLOCK }])
  kv.admit(0, 0, 20, 40)
  kv.release(0, 0)
  kv.admit(0, 2, 0, 40)
  expect(kv.evictions(0)).toBe(3)
  expect(kv.matchOn(0, 1, 39)).toBe(20)
  // Two blocks of the prefix are left and nothing is free: 8 more have no room.
  expect(kv.couldAdmit(0, 1, 20, 40, 0)).toBe(false)
  expect(kv.admit(0, 1, 20, 40)).toBe(false)
  kv.release(0, 2)
  expect(kv.couldAdmit(0, 1, 20, 40, 0)).toBe(true)
  expect(kv.admit(0, 1, 20, 40)).toBe(true)
  expect(usageOf(kv).held).toBe(10)
  kv.verify()
})

test.each([250, 20_000])('in a run with %i blocks, every request finds its prefix', (blocks) => {
  const random = new RandomStream(5, 'prefixes')
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 300; i++) {
    const promptTokens = 50 + random.integer(500)
    const prefixTokens = random.integer(2) * random.integer(promptTokens)
    const promptNode =
      prefixTokens > 0 ? builder.prompts.stream(NO_NODE, 'shared', prefixTokens) : NO_NODE
    const outputTokens = 1 + random.integer(200)
    builder.add({ arrivalMs: 5 * i, promptTokens, outputTokens, prefixTokens, promptNode })
  }
  const requests = builder.build()
  const latency = affineLatency({
    baseMs: 5,
    prefillMsPerToken: 0.02,
    decodeMsPerRequest: 0.1,
    decodeMsPerContextToken: 0,
  })
  const { outcomes, backends } = simulate({
    cluster: {
      backends: [
        {
          role: 'both',
          latency,
          kv: { blocks, blockTokens: BLOCK },
          maxBatchTokens: 256,
          maxNumSeqs: 64,
          maxQueueDepth: 300,
          chunkedPrefill: true,
        },
      ],
      kvCache: warmKvCache(),
    },
    requests,
    router: { name: 'one', route: (_, cluster) => cluster.backends[0]! },
    seed: 1,
  })
  expect(backends[0]!.preemptions > 0).toBe(blocks === 250)
  const inBlocks = requests.prefixTokens.map((tokens) => tokens - (tokens % BLOCK))
  expect([...outcomes.cachedTokens]).toEqual([...inBlocks])
})
