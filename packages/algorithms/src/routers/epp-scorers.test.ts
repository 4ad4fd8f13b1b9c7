import { RandomStream } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest } from '../test-kit/test-request.js'
import { decide, loads, queues } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { eppScorers } from './epp-scorers.js'

const kv = (...usages: readonly number[]) => usages.map((kvUsage) => ({ kvUsage }))
const lora = (slots: number, running: readonly string[], waiting: readonly string[]) => ({
  adapters: { slots, loaded: running, running, waiting },
})
const only = (weight: string, value = 1) => ({
  queue_weight: 0,
  kv_weight: 0,
  prefix_weight: 0,
  [weight]: value,
})

// Scores 2 queue + 2 kv + 3 prefix, for a prompt of 100 tokens.
test.each([
  ['all equal', { states: loads(0, 0) }, 0],
  ['a shorter queue', { states: queues(3, 1) }, 1],
  ['equal queues score 1 each', { states: queues(3, 3), matched: [0, 1] }, 1],
  ['less KV in use', { states: kv(0.5, 0.4) }, 1],
  ['a cached prefix', { states: loads(0, 0), matched: [0, 50] }, 1],
  ['equal prefixes', { states: loads(0, 0, 0), matched: [0, 50, 50] }, 1],
  [
    'the queue alone',
    { states: queues(1, 0), matched: [100, 0], parameters: only('queue_weight') },
    1,
  ],
  ['3 x 0.6 = 1.8 < 2 for the queue', { states: queues(1, 0), matched: [60, 0] }, 1],
  ['3 x 0.7 = 2.1 > 2', { states: queues(1, 0), matched: [70, 0] }, 0],
  [
    'one more waiting is as bad as nine: the range is what counts',
    { states: queues(9, 0), matched: [70, 0] },
    0,
  ],
  [
    'halfway in the queue: 1 + 3 x 0.4 against 2',
    { states: queues(2, 1, 0), matched: [0, 40, 0] },
    1,
  ],
  ['3 x 0.3 = 0.9 against 1', { states: queues(2, 1, 0), matched: [0, 30, 0] }, 2],
  ['2 x 0.5 of KV against 3 x 0.25', { states: kv(0.5, 0), matched: [25, 0] }, 1],
  ['2 x 0.5 of KV against 3 x 0.5', { states: kv(0.5, 0), matched: [50, 0] }, 0],
  ['the holder is down', { states: loads(-1, 0), matched: [100, 0] }, 1],
  [
    'one that is down does not set the range: 1 and 2 are 0 and 1',
    {
      states: [{ healthy: false, waiting: 100 }, { waiting: 2 }, { waiting: 1 }],
      matched: [0, 60, 0],
    },
    2,
  ],
  ['all are down', { states: loads(-1, -1) }, 'no_available_backend'],
  ['none', { states: [] }, 'no_available_backend'],
  [
    'load only',
    {
      states: queues(1, 0),
      matched: [100, 0],
      parameters: { preset: 'llm_d_load_only', ties: 'first' },
    },
    1,
  ],
  [
    'the guide: 1 + 0 against 2 x 0.6',
    {
      states: queues(1, 0),
      matched: [60, 0],
      parameters: { preset: 'llm_d_precise_guide', ties: 'first' },
    },
    0,
  ],
  ['running requests', { states: loads(3, 1), parameters: only('running_weight') }, 1],
  ['one running request more', { states: loads(1, 0), parameters: only('running_weight') }, 1],
  [
    'an adapter in use before room for one',
    {
      states: [lora(4, [], []), lora(1, ['a'], [])],
      request: { adapter: 'a' },
      parameters: only('lora_weight'),
    },
    1,
  ],
  [
    'room for an adapter before a queue that waits for it: 2 + 1 are not less than 3',
    {
      states: [lora(3, ['b', 'c'], ['a']), lora(3, ['b'], ['d'])],
      request: { adapter: 'a' },
      parameters: only('lora_weight'),
    },
    1,
  ],
  [
    'a queue that waits for an adapter before one that does not',
    {
      states: [lora(1, ['b'], ['c']), lora(1, ['b'], ['a'])],
      request: { adapter: 'a' },
      parameters: only('lora_weight'),
    },
    1,
  ],
  [
    'an adapter that is loaded but not in use counts as room, as metrics do not tell of it',
    {
      states: [{}, { adapters: { slots: 1, loaded: ['a'], running: [], waiting: [] } }],
      request: { adapter: 'a' },
      parameters: only('lora_weight'),
    },
    1,
  ],
  ['running requests do not count by default', { states: loads(3, 1) }, 0],
  ['no own requests: all idle', { states: loads(3, 1), parameters: only('active_weight') }, 0],
] as const)('%s', (_, row, expected) => {
  expect(decide(eppScorers, row)).toBe(expected)
})

describe('what it learns', () => {
  const run = (
    parameters: Record<string, unknown>,
    requests: readonly object[],
    cluster = testCluster(loads(0, 0, 0)),
  ) => {
    const router = eppScorers.create({ ...parameters })
    return requests.map((fields, id) => {
      const request = { ...testRequest({ id }), ...fields }
      const decision = router.route(request, cluster)
      if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
      return summary(decision)
    })
  }

  test('its own requests', () => {
    expect(run({ ...only('active_weight'), ties: 'first' }, [{}, {}, {}, {}])).toEqual([0, 1, 2, 0])
  })

  test('uncached tokens under way', () => {
    const prompts = [1000, 10, 500, 10].map((promptTokens) => ({ promptTokens }))
    const token = { ...only('token_load_weight'), ties: 'first' }
    // After 1000, 10 and 500 tokens, backend 1 has the fewest.
    expect(run(token, prompts)).toEqual([0, 1, 2, 1])
  })

  test('who was given a cold prompt least recently', () => {
    const cold = { ...only('no_hit_lru_weight'), ties: 'first' }
    expect(run(cold, [{}, {}, {}, {}, {}])).toEqual([0, 1, 2, 0, 1])
    expect(run(cold, [{}, {}, {}], testCluster(loads(0, 0)))).toEqual([0, 1, 0])
    expect(run(cold, [{}, {}], testCluster(loads(0)))).toEqual([0, 0])
  })

  test('where it sent a prefix', () => {
    const approximate = { ...only('prefix_weight'), index: 'approximate', ties: 'rotate' }
    const of = (ids: readonly number[], runTokens: number) => {
      const { promptTokens, promptPath } = testPrompt(ids, {}, runTokens)
      return { promptTokens, promptPath }
    }
    const [a, b, shared] = [
      [1, 4],
      [2, 7],
      [1, 5],
    ] as const
    const sent = (runTokens: number, parameters = {}) =>
      run(
        { ...approximate, ...parameters },
        [a, b, shared, b].map((ids) => of(ids, runTokens)),
      )
    expect(sent(64)).toEqual([0, 1, 0, 1])
    // Less than a block in common is not seen, but for prompts that are equal.
    expect(sent(63)).toEqual([0, 1, 2, 1])
    expect(sent(63, { partial_block: false, index_block_tokens: 128 })).toEqual([0, 1, 2, 0])
    expect(sent(16, { index_block_tokens: 16 })).toEqual([0, 1, 0, 1])
  })

  test('blocks are as large as those of the KV cache, and as many, unless it does not tune itself', () => {
    const approximate = { ...only('prefix_weight'), index: 'approximate', ties: 'rotate' }
    const cluster = testCluster([1, 2, 3].map(() => ({ blockTokens: 128, kvTokens: 256 })))
    const prompts = (runTokens: number, ...paths: readonly (readonly number[])[]) =>
      paths.map((ids) => {
        const { promptPath } = testPrompt(ids, {}, runTokens)
        return { promptTokens: 4000, promptPath }
      })
    const sent = (requests: readonly object[], parameters = {}) =>
      run({ ...approximate, ...parameters }, requests, cluster)
    expect(sent(prompts(127, [1], [1]))).toEqual([0, 1])
    expect(sent(prompts(128, [1], [1]))).toEqual([0, 0])
    expect(sent(prompts(64, [1], [1]), { auto_tune: false })).toEqual([0, 0])
    // Three blocks are one too many for a KV cache of two: the first one is forgotten.
    expect(sent(prompts(128, [1, 4, 13], [1]))).toEqual([0, 1])
    expect(sent(prompts(128, [1, 4, 13], [1]), { auto_tune: false })).toEqual([0, 0])
  })
})

test('the share is of the blocks that an approximate index looks at', () => {
  const only = { queue_weight: 0, kv_weight: 0, prefix_weight: 1, running_weight: 0.6 }
  const blocks = { index: 'approximate', index_block_tokens: 16, max_prefix_tokens: 32 }
  const router = eppScorers.create({ ...only, ...blocks, ties: 'first' })
  const prompt = testPrompt([1, 4, 13, 40])
  expect(summary(router.route(prompt, testCluster(loads(-1, 0))))).toBe(1)
  // All of 2 blocks, 1 against 0.6 for the shorter queue; of the whole prompt it would be a half.
  expect(summary(router.route(prompt, testCluster(loads(0, 1))))).toBe(1)
})

test.each([
  // 64 of 100 tokens are one block of two: 0.5. Whole blocks alone, it is one of one.
  [0.51, true, 0],
  [0.49, true, 1],
  [0.99, false, 1],
])(
  'against %f for the queue, with a shorter block that counts (%j), 64 of 100 tokens lead to %i',
  (running_weight, partial_block, expected) => {
    const only = { queue_weight: 0, kv_weight: 0, prefix_weight: 1, running_weight }
    const router = eppScorers.create({
      ...only,
      index: 'approximate',
      partial_block,
      ties: 'first',
    })
    const prompt = testPrompt([1], { promptTokens: 100 }, 64)
    expect(summary(router.route(prompt, testCluster(loads(-1, 0))))).toBe(1)
    expect(summary(router.route(prompt, testCluster(loads(0, 1))))).toBe(expected)
  },
)

test('a backend that replaces another is the first to get a cold prompt', () => {
  const router = eppScorers.create({ ...only('no_hit_lru_weight'), ties: 'first' })
  const roles = ['both', 'both', 'decode'] as const
  const of = (...ids: readonly number[]) =>
    testCluster(
      roles.map((_, id) => ({ role: ids.includes(id) ? ('both' as const) : ('decode' as const) })),
    ).pool('both')
  const before = of(0, 1)
  const after = of(0, 2)
  const to = (cluster: ReturnType<typeof of>) => summary(router.route(testRequest(), cluster))
  expect([to(before), to(before), to(before)]).toEqual([0, 1, 0])
  expect([to(after), to(after), to(after)]).toEqual([2, 0, 2])
  // It has been used before, but longer ago than the other.
  expect(to(of(0, 1))).toBe(1)
})

test('equals rotate by one counter', () => {
  const router = eppScorers.create({ ties: 'rotate' })
  const cluster = testCluster(loads(0, 0, 0))
  const decisions = [0, 1, 2, 3].map((id) => summary(router.route(testRequest({ id }), cluster)))
  expect(decisions).toEqual([0, 1, 2, 0])
})

test('a weighted draw has chances in proportion to scores', () => {
  const random = new RandomStream(5, 'router')
  const cluster = testCluster(loads(0, 0, -1), { matchedTokens: [25, 75, 100], random })
  const router = eppScorers.create({ ...only('prefix_weight'), picker: 'weighted_random' })
  let first = 0
  for (let i = 0; i < 20_000; i++) {
    const decision = router.route(testRequest(), cluster)
    expect(decision.kind === 'backend' && decision.id).not.toBe(2)
    if (decision.kind === 'backend' && decision.id === 0) first++
  }
  expect(first / 20_000).toBeCloseTo(0.25, 2)
})
