import { type BackendView, type ClusterView, RandomStream, type RequestView } from '@routesim/core'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { dualmap } from './dualmap.js'

/** A token takes a millisecond, and half a second is when the cache counts no more. */
const plain = { prefill_ms_per_token: 1, slo_ms: 1000 }

/** A router between two backends, both of which are any request's, and what it lets go. */
function between(parameters: Readonly<Record<string, unknown>> = {}) {
  const router = dualmap.create({ ...plain, ...parameters })
  const released: number[] = []
  const seen = (
    matchedTokens: readonly number[] = [0, 0],
    states: readonly Partial<BackendView>[] = [{}, {}],
    nowMs = 0,
  ): ClusterView => ({
    ...testCluster(states, { matchedTokens, nowMs }),
    release: (request) => {
      released.push(request)
    },
  })
  const ask = (request: Partial<RequestView>, cluster: ClusterView = seen()) => {
    const full = testRequest(request)
    const decision = router.route(full, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(full, decision, cluster, decision)
    return summary(decision)
  }
  const answered = (id: number, cluster: ClusterView = seen()): number[] => {
    router.onFirstToken?.(testRequest({ id }), cluster.backends[0]!, cluster)
    return released.splice(0)
  }
  const giveUp = (id: number): readonly number[] => {
    router.onAbandoned?.(testRequest({ id }), seen())
    return released.splice(0)
  }
  const waiting = (): number => router.customMetrics?.()['dualmap_waiting'] ?? Number.NaN
  return { ask, seen, answered, giveUp, released, waiting }
}

type Row = readonly [
  matched: readonly number[],
  states: readonly Partial<BackendView>[],
  promptTokens: number,
  pendingAt0?: number,
]
const idle = [{}, {}]

test.each<[string, Row, number | string]>([
  ['nothing cached: fewer KV tokens held', [[0, 0], [{ kvUsage: 0.1 }, {}], 100], 1],
  [
    'fewer KV tokens are not a lower usage: 500 against 1000',
    [
      [0, 0],
      [
        { kvUsage: 0.5, kvTokens: 1000 },
        { kvUsage: 0.1, kvTokens: 10_000 },
      ],
      100,
    ],
    0,
  ],
  ['the holder', [[50, 0], idle, 100], 0],
  ['the other holder', [[0, 50], idle, 100], 1],
  ['the better holder', [[50, 66], idle, 100], 1],
  ['the holder, though it holds more KV', [[50, 0], [{ kvUsage: 0.9 }, {}], 100], 0],
  ['equal holders: fewer KV tokens', [[50, 50], [{ kvUsage: 0.5 }, { kvUsage: 0.4 }], 100], 1],
  // Tokens before a first one: 450 + 50 are not above 500, 451 + 50 are.
  ['a busy holder at the threshold', [[50, 0], idle, 100, 450], 0],
  ['a holder that is busier', [[50, 0], idle, 100, 451], 1],
  // 450 + 550 on the holder, 1100 on the other.
  ['a busy holder that is still the faster', [[550, 0], idle, 1100, 450], 0],
  // 600 + 500 on the holder, 1100 on the other: equal, so fewer KV tokens.
  ['equal estimates', [[600, 0], [{ kvUsage: 0.5 }, {}], 1100, 600], 1],
  ['the holder is down', [[50, 0], [{ healthy: false }, {}], 100], 1],
  ['the holder has no room', [[50, 0], [{ waiting: 10 }, {}], 100], 1],
  ['one backend', [[0], [{}], 100], 0],
  ['all are down', [[0, 0], [{ healthy: false }, { healthy: false }], 100], 'no_available_backend'],
  ['none', [[], [], 100], 'no_available_backend'],
])('%s', (_why, [matched, states, promptTokens, pendingAt0 = 0], expected) => {
  const { ask, seen } = between({ max_pending: 9 })
  if (pendingAt0 > 0) {
    const only = seen([0, 0], [{}, { healthy: false }])
    expect(ask({ id: 0, promptTokens: pendingAt0 }, only)).toBe(0)
  }
  expect(ask({ id: 1, promptTokens }, seen(matched, states))).toBe(expected)
})

test('a backend gets the next one when the one before it has answered, the longest match first', () => {
  const { ask, seen, answered } = between()
  const on0 = (matched: number) => seen([matched, 0])
  expect(ask({ id: 0 }, on0(50))).toBe(0)
  expect(ask({ id: 1 }, on0(20))).toBe('hold')
  expect(ask({ id: 2 }, on0(60))).toBe('hold')
  expect(answered(0)).toEqual([2])
  expect(ask({ id: 2 }, on0(60))).toBe(0)
  expect(answered(2)).toEqual([1])
  expect(ask({ id: 1 }, on0(20))).toBe(0)
  expect(answered(1)).toEqual([])
})

test('who has waited for too long lets the one that gains most go to its other backend', () => {
  const { ask, seen, released } = between()
  expect(ask({ id: 0 }, seen([50, 0]))).toBe(0)
  for (const id of [1, 2]) expect(ask({ id }, seen([50, 0]))).toBe('hold')
  expect(ask({ id: 1 }, seen([50, 0], idle, 2999))).toBe('hold')
  expect(released).toEqual([])
  // The second would wait for 50 + 50 tokens and compute 50; elsewhere it computes 100 at once.
  expect(ask({ id: 1 }, seen([50, 0], idle, 3000))).toBe('hold')
  expect(released).toEqual([2])
  expect(ask({ id: 2 }, seen([50, 0], idle, 3000))).toBe(1)
})

test('who gains most goes, though one behind it would gain too', () => {
  const { ask, seen, answered, released } = between()
  const full = [{}, { waiting: 10 }]
  expect(ask({ id: 0, promptTokens: 400 }, seen([0, 0], full))).toBe(0)
  expect(ask({ id: 1 }, seen([60, 58], full))).toBe('hold')
  expect(ask({ id: 2, promptTokens: 400 }, seen([50, 0], full))).toBe('hold')
  // 400 + 40 tokens against 42 elsewhere, 398 less; 400 + 40 + 350 against 400, 390 less.
  expect(ask({ id: 2, promptTokens: 400 }, seen([50, 0], idle, 3000))).toBe('hold')
  expect(released.splice(0)).toEqual([1])
  // The last of a queue stays in it.
  expect(answered(0, seen([50, 0], idle, 3001))).toEqual([2])
})

test('of a backlog as much goes as is too much', () => {
  const { ask, seen, answered, released } = between()
  const full = [{}, { waiting: 10 }]
  expect(ask({ id: 0, promptTokens: 400 }, seen([0, 0], full))).toBe(0)
  for (const id of [1, 2, 3]) {
    expect(ask({ id, promptTokens: 300 }, seen([0, 0], full))).toBe('hold')
  }
  // 1300 ms are 300 too many: the last gains most, and is enough.
  expect(ask({ id: 3, promptTokens: 300 }, seen([0, 0], idle, 1))).toBe(1)
  expect(released).toEqual([])
  expect(answered(0, seen([0, 0], idle, 2))).toEqual([1])
})

test('its own index learns what is sent, whoever was asked about in between', () => {
  const { ask, seen, answered } = between({ index: 'approximate', block_tokens: 16 })
  const full = [{ kvUsage: 0.1 }, { waiting: 10 }]
  const only0 = seen([], full)
  const prompt = (id: number, runs: number[]) => ({ ...testPrompt(runs), id })
  expect(ask(prompt(0, [1, 4]), only0)).toBe(0)
  expect(ask(prompt(1, [2, 5]), only0)).toBe('hold')
  expect(ask(prompt(2, [3, 6]), only0)).toBe('hold')
  expect(answered(0, only0)).toEqual([1])
  expect(ask(prompt(1, [2, 5]), only0)).toBe(0)
  // The other holds fewer KV tokens, but 0 has this prompt: it waits there.
  const both = seen([], [{ kvUsage: 0.1 }, {}])
  expect(ask(prompt(3, [2, 5]), both)).toBe('hold')
  expect(ask(prompt(4, [9, 8]), both)).toBe(1)
})

test.each([
  // Of blocks of 128 tokens: fewer in common are not seen, and the other holds fewer KV tokens.
  [127, 1],
  [128, 0],
])('its own index has whole blocks: %i tokens in common lead to %i', (tokens, expected) => {
  const { ask, seen } = between({ index: 'approximate', max_pending: 9 })
  const prompt = (id: number) => testPrompt([1], { id, promptTokens: 200 }, tokens)
  expect(ask(prompt(0), seen([], [{}, { waiting: 10 }]))).toBe(0)
  expect(ask(prompt(1), seen([], [{ kvUsage: 0.1 }, {}]))).toBe(expected)
})

test('who is late and has nowhere to go stays', () => {
  const { ask, seen, answered, released } = between()
  const full = [{}, { waiting: 10 }]
  for (const id of [0, 1, 2]) ask({ id }, seen([0, 0], full))
  expect(ask({ id: 1 }, seen([0, 0], full, 3000))).toBe('hold')
  expect(released).toEqual([])
  expect(answered(0, seen([0, 0], full, 3000))).toEqual([1])
})

test('who has given up waits for nobody, and nobody for them', () => {
  const { ask, seen, answered, giveUp, waiting } = between()
  for (const id of [0, 1, 2]) ask({ id }, seen([50, 0]))
  expect(waiting()).toBe(2)
  expect(giveUp(1)).toEqual([])
  expect(waiting()).toBe(1)
  expect(answered(0)).toEqual([2])
})

test('who waits for a backend that fails chooses again', () => {
  const { ask, seen } = between()
  expect(ask({ id: 0 }, seen([50, 0]))).toBe(0)
  expect(ask({ id: 1 }, seen([50, 0]))).toBe('hold')
  expect(ask({ id: 1 }, seen([50, 0], [{ healthy: false }, {}], 1))).toBe(1)
})

test.each([
  ['unhealthy', [1, 2]],
  ['removed', [1, 2]],
  ['healthy', []],
] as const)('of a backend that is %s they are let go to choose: %j', (change, expected) => {
  const router = dualmap.create(plain)
  const released: number[] = []
  const cluster: ClusterView = {
    ...testCluster([{}]),
    release: (request) => {
      released.push(request)
    },
  }
  for (const id of [0, 1, 2]) {
    const request = testRequest({ id })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
  }
  router.onBackendChange?.(cluster.backends[0]!, change, cluster)
  expect(released).toEqual(expected)
  expect(router.customMetrics?.()).toEqual({ dualmap_waiting: 2 - expected.length })
})

test('a prefix goes to two backends at most while they are not late, and all get some', () => {
  const router = dualmap.create({ max_pending: 999, slo_ms: 1e9 })
  const met = new Map<number, Set<number>>()
  const states = Array.from({ length: 8 }, () => ({}))
  const random = new RandomStream(1, 'dualmap')
  for (let i = 0; i < 2000; i++) {
    const group = random.integer(100)
    const cluster = testCluster(states, { random })
    const decision = router.route(testPrompt([group], { id: i }), cluster)
    met.set(group, (met.get(group) ?? new Set()).add(Number(summary(decision))))
  }
  expect(Math.max(...Array.from(met.values(), ({ size }) => size))).toBe(2)
  expect(new Set(Array.from(met.values(), (ids) => [...ids]).flat()).size).toBe(8)
})
