import { RandomStream } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest, testUsage } from '../test-kit/test-request.js'
import { decide, loads } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { dynamoCost, dynamoKv } from './dynamo-kv.js'

test('the costs of the published example are 18, 10 and 11', () => {
  const cost = (prefillBlocks: number, decodeBlocks: number, scale = 1) =>
    dynamoCost({ prefillBlocks, creditBlocks: 0, decodeBlocks, requests: 0 }, scale, 0)
  expect([cost(8, 10), cost(5, 5), cost(2, 9)]).toEqual([18, 10, 11])
  // By prefill twice as dear they are 26, 15 and 13; by decode alone 10, 5 and 9.
  expect([cost(8, 10, 2), cost(5, 5, 2), cost(2, 9, 2)]).toEqual([26, 15, 13])
  expect([cost(8, 10, 0), cost(5, 5, 0), cost(2, 9, 0)]).toEqual([10, 5, 9])
})

test.each([
  // P, C, D, R, s, r and s max(0, P - C) + D + r R.
  [10, 4, 3, 0, 1, 0, 9],
  [10, 10, 3, 0, 1, 0, 3],
  [10, 12, 3, 0, 1, 0, 3],
  [10, 4, 3, 2, 1, 0.5, 10],
  [10, 4, 3, 2, 4, 0.5, 28],
  [0, 0, 0, 0, 1, 1, 0],
])('P %d, C %d, D %d, R %d, s %d, r %d cost %d', (p, c, d, r, scale, weight, expected) => {
  const load = { prefillBlocks: p, creditBlocks: c, decodeBlocks: d, requests: r }
  expect(dynamoCost(load, scale, weight)).toBe(expected)
})

// Blocks have 16 tokens; a prompt of 160 tokens is 10 blocks: cost 20 where nothing is cached.
const request = { promptTokens: 160 }
test.each([
  ['all equal', { states: loads(0, 0, 0) }, 0],
  ['one block cached', { states: loads(0, 0, 0), matched: [0, 16, 0] }, 1],
  ['the most blocks cached', { states: loads(0, 0, 0), matched: [16, 32, 48] }, 2],
  ['equal matches', { states: loads(0, 0, 0), matched: [0, 32, 32] }, 1],
  ['what others run is unseen', { states: loads(90, 0), matched: [16, 0] }, 0],
  ['the holder is down', { states: loads(-1, 0, 0), matched: [160, 0, 16] }, 2],
  ['all are down', { states: loads(-1, -1) }, 'no_available_backend'],
  ['none at all', { states: [] }, 'no_available_backend'],
  ['a full queue', { states: [{ waiting: 10 }, {}], matched: [160, 0] }, 1],
  ['everything cached', { states: loads(0, 0), matched: [0, 160] }, 1],
  [
    'no credit',
    { states: loads(0, 0), matched: [0, 160], parameters: { overlap_score_credit: 0 } },
    0,
  ],
  [
    'half credit for six blocks is less than four',
    { states: loads(0, 0), matched: [64, 96], parameters: { overlap_score_credit: 0.5 } },
    1,
  ],
  [
    'credit above the prompt is cut off, so that both cost the same',
    { states: loads(0, 0), matched: [80, 160], parameters: { overlap_score_credit: 2 } },
    0,
  ],
  [
    'prefill not tracked: nothing for the credit to reduce',
    { states: loads(0, 0), matched: [0, 160], parameters: { track_prefill_tokens: false } },
    0,
  ],
  [
    'no prefill term',
    { states: loads(0, 0), matched: [0, 160], parameters: { prefill_load_scale: 0 } },
    0,
  ],
  ['a preset', { states: loads(0, 0), matched: [0, 160], parameters: { preset: 'load_aware' } }, 0],
  [
    'the classic cost',
    { states: loads(0, 0), matched: [0, 160], parameters: { preset: 'classic' } },
    1,
  ],
  ['a part of a block is worth its part', { states: loads(0, 0), matched: [0, 8] }, 1],
  ['larger blocks are fewer: 20 against 10', { states: [{}, { blockTokens: 32 }] }, 1],
  [
    'and make a cached token worth less: 20 - 6 against 10',
    { states: [{}, { blockTokens: 32 }], matched: [96, 0] },
    1,
  ],
  ['20 - 10 against 10', { states: [{}, { blockTokens: 32 }], matched: [160, 0] }, 0],
  [
    'decode not tracked, prefill equal',
    { states: loads(0, 0), parameters: { track_active_blocks: false } },
    0,
  ],
  [
    'nothing tracked',
    {
      states: loads(0, 0),
      matched: [0, 160],
      parameters: { track_active_blocks: false, track_prefill_tokens: false },
    },
    0,
  ],
  ['full queues', { states: [{ waiting: 10 }, { waiting: 10 }] }, 'no_available_backend'],
] as const)('%s', (_, row, expected) => {
  expect(decide(dynamoKv, { ...row, request })).toBe(expected)
})

describe('requests under way', () => {
  const cluster = testCluster(loads(0, 0))
  const send = (
    router: ReturnType<typeof dynamoKv.create>,
    request = testRequest(),
    at = cluster,
  ) => {
    const decision = router.route(request, at)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, at, decision)
    return summary(decision)
  }

  test('raise prefill until the first token, and decode until the end', () => {
    const router = dynamoKv.create({ ties: 'first' })
    const [long, next] = [
      testRequest({ id: 0, promptTokens: 320 }),
      testRequest({ id: 1, promptTokens: 160 }),
    ]
    expect(send(router, long)).toBe(0)
    // Backend 0 now has a backlog of 20 blocks and 20 under way: 60 against 20.
    expect(send(router, next)).toBe(1)
    router.onFirstToken?.(long, cluster.backends[0]!, cluster)
    // 0: 10 + 20 + 10 = 40; 1: 10 + 10 + 10 + 10 = 40.
    expect(send(router, testRequest({ id: 2, promptTokens: 160 }))).toBe(0)
    router.onFinished?.(long, cluster.backends[0]!, cluster, testUsage())
    router.onFinished?.(testRequest({ id: 2 }), cluster.backends[0]!, cluster, testUsage())
    router.onFirstToken?.(next, cluster.backends[1]!, cluster)
    // 0 is empty: 20; 1: 10 + 10 + 10 = 30.
    expect(send(router, testRequest({ id: 3, promptTokens: 160 }))).toBe(0)
  })

  test('count a prefix they share once, where prompts show their content', () => {
    const tracked = { track_prefill_tokens: false, ties: 'first' }
    for (const [assume_kv_reuse, expected] of [
      [true, 0],
      [false, 1],
    ] as const) {
      const router = dynamoKv.create({ ...tracked, assume_kv_reuse })
      expect(send(router, testPrompt([1, 4, 13], { id: 0 }))).toBe(0)
      // An unrelated prompt: 0 has 3 blocks already, so 1 takes it, and is as full as 0 then.
      expect(send(router, testPrompt([2, 7, 22], { id: 1 }))).toBe(1)
      expect(send(router, testPrompt([3], { id: 2 }))).toBe(0)
      // 0 has 4 blocks, 1 has 3. Sharing all three, 0 would stay at 4 while 1 came to 6.
      expect(send(router, testPrompt([1, 4, 13], { id: 3 }))).toBe(expected)
    }
  })

  test('of two that share a prefix, the end of one leaves it under way', () => {
    const router = dynamoKv.create({ track_prefill_tokens: false, ties: 'first' })
    const one = testCluster(loads(0, -1))
    send(router, testPrompt([1, 4], { id: 0 }), one)
    send(router, testPrompt([1, 5], { id: 1 }), one)
    router.onFinished?.(testPrompt([1, 4], { id: 0 }), one.backends[0]!, one, testUsage())
    // 0 has blocks 1 and 5: the same again adds nothing, 2 against 2, and 0 comes first.
    expect(summary(router.route(testPrompt([1, 5], { id: 2 }), cluster))).toBe(0)
    // What has ended is gone: 0 would have 3, and 1 has 2.
    expect(summary(router.route(testPrompt([1, 4], { id: 3 }), cluster))).toBe(1)
  })

  test('a backlog lets credit fade', () => {
    const decided = (credit_decay: number) => {
      const router = dynamoKv.create({ credit_decay, track_active_blocks: false, ties: 'first' })
      const only = testCluster(loads(0, -1))
      send(router, testRequest({ id: 0, promptTokens: 96 }), only)
      // Backlog of 6 blocks on 0; of 10 blocks it has 8. 0: 6 + 10 - 8 d, 1: 10, and d = 1 / (1 + 0.6 a).
      const both = testCluster(loads(0, 0), { matchedTokens: [128, 0] })
      return summary(router.route(testRequest({ id: 1, promptTokens: 160 }), both))
    }
    expect(decided(0)).toBe(0)
    // a = 0.5: 16 - 8 / 1.3 = 9.85. a = 1: 16 - 8 / 1.6 = 11.
    expect(decided(0.5)).toBe(0)
    expect(decided(1)).toBe(1)
  })
})

test('temperature 0.5 spreads over costs 20, 12 and 13 as the golden vector says', () => {
  const matchedTokens = [0, 128, 112]
  const random = new RandomStream(9, 'router')
  const cluster = testCluster(loads(0, 0, 0), { matchedTokens, random })
  const router = dynamoKv.create({ temperature: 0.5 })
  const counts = [0, 0, 0]
  for (let i = 0; i < 30_000; i++) {
    const decision = router.route(testRequest(request), cluster)
    if (decision.kind === 'backend') counts[decision.id]!++
  }
  expect(counts[0]! / 30_000).toBeCloseTo(0.0707, 2)
  expect(counts[1]! / 30_000).toBeCloseTo(0.5224, 2)
  expect(counts[2]! / 30_000).toBeCloseTo(0.4069, 2)
})

test('the approximate index holds what was sent for its time to live', () => {
  const router = dynamoKv.create({
    preset: 'approximate',
    track_active_blocks: false,
    ties: 'first',
  })
  const at = (nowMs: number, ...counts: number[]) => testCluster(loads(...counts), { nowMs })
  const prompt = testPrompt([1, 4])
  expect(summary(router.route(prompt, at(0, -1, 0)))).toBe(1)
  expect(summary(router.route(prompt, at(119_999, 0, 0)))).toBe(1)
  expect(summary(router.route(prompt, at(239_999, 0, 0)))).toBe(0)
})

test.each([
  [63, 0],
  [64, 1],
])(
  'the approximate index has whole KV blocks, of 64 tokens here: %i in common lead to %i',
  (tokens, expected) => {
    const router = dynamoKv.create({
      preset: 'approximate',
      track_active_blocks: false,
      ties: 'first',
    })
    const cluster = (down: number) =>
      testCluster([0, 1].map((id) => ({ healthy: id !== down, blockTokens: 64 })))
    const prompt = testPrompt([1], { promptTokens: 500 }, tokens)
    expect(summary(router.route(prompt, cluster(0)))).toBe(1)
    expect(summary(router.route(prompt, cluster(-1)))).toBe(expected)
  },
)

describe('what it believes of caches', () => {
  const one = { ties: 'first', track_active_blocks: false, track_prefill_tokens: true }
  const goes = (
    router: ReturnType<typeof dynamoKv.create>,
    ids: number[],
    { nowMs = 0, down = -1, kvTokens = 1024, matched = [0, 0] } = {},
  ) => {
    const states = [0, 1].map((id) => ({ healthy: id !== down, kvTokens }))
    const cluster = testCluster(states, { nowMs, matchedTokens: matched })
    return summary(router.route(testPrompt(ids), cluster))
  }

  test('of what was just sent, until events should have come', () => {
    const router = dynamoKv.create({ ...one, predicted_ttl_sec: 2 })
    expect(goes(router, [1, 4], { down: 0 })).toBe(1)
    expect(goes(router, [1, 5], { nowMs: 1999 })).toBe(1)
    // That used the first run anew; the second is of 0 ms.
    expect(goes(router, [1, 4], { nowMs: 3998, matched: [16, 0] })).toBe(0)
    expect(goes(router, [1, 4], { nowMs: 9000 })).toBe(0)
  })

  test('the more of what events say and what was sent', () => {
    const router = dynamoKv.create({ ...one, predicted_ttl_sec: 2 })
    expect(goes(router, [1, 4, 13], { down: 0 })).toBe(1)
    // 48 tokens sent to 1; events say 32 and 48 of 0.
    expect(goes(dynamoKv.create(one), [1, 4, 13], { matched: [32, 0] })).toBe(0)
    expect(goes(router, [1, 4, 13], { matched: [32, 0] })).toBe(1)
    expect(goes(router, [1, 4, 13], { matched: [48, 0] })).toBe(0)
  })

  test('without events, all blocks where nobody says how much room there is', () => {
    const router = dynamoKv.create({ ...one, preset: 'approximate_lru' })
    for (const ids of [[1], [2], [3]]) expect(goes(router, ids, { down: 0, kvTokens: 0 })).toBe(1)
    for (const ids of [[1], [2], [3]]) expect(goes(router, ids, { kvTokens: 0 })).toBe(1)
  })

  test('without events, the last used blocks that its KV cache has room for', () => {
    const options = { ...one, preset: 'approximate_lru' }
    const router = dynamoKv.create(options)
    for (const ids of [[1], [2], [3]]) expect(goes(router, ids, { down: 0, kvTokens: 32 })).toBe(1)
    // Room for two blocks: the first is forgotten, the others are known however old they are.
    expect(goes(router, [1], { kvTokens: 32, nowMs: 1e9 })).toBe(0)
    expect(goes(router, [2], { kvTokens: 32, nowMs: 1e9 })).toBe(1)
    expect(goes(router, [3], { kvTokens: 32, nowMs: 1e9 })).toBe(1)
    // By age, with the default of 120 s, all would be forgotten.
    const aged = dynamoKv.create({ ...one, preset: 'approximate' })
    expect(goes(aged, [2], { down: 0 })).toBe(1)
    expect(goes(aged, [2], { nowMs: 119_999 })).toBe(1)
    expect(goes(aged, [2], { nowMs: 239_999 })).toBe(0)
  })
})
