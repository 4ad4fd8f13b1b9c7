import type { BackendView, ClusterView } from '@routesim/core'
import { expect, test } from 'vitest'
import { testBackend, testCluster } from '../test-kit/test-cluster.js'
import { testRequest, testUsage } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { llumnix } from './llumnix.js'
import { freeness } from './llumnix-room.js'

/** 100 blocks of 10 tokens. */
const size = { kvTokens: 1000, blockTokens: 10 }
const unknown = { kvTokens: 0 }

test.each<[string, Partial<BackendView>, number]>([
  ['empty', {}, 100],
  ['half full, with five requests', { kvUsage: 0.5, running: 5 }, 10],
  // 50 free less 20 for 200 tokens, over six.
  ['somebody waits', { kvUsage: 0.5, running: 5, waiting: 1, pendingPromptTokens: 200 }, 5],
  ['nobody waits: prompts have their blocks', { running: 5, pendingPromptTokens: 200 }, 20],
  ['blocks are whole', { waiting: 1, pendingPromptTokens: 201 }, 79],
  ['overbooked', { kvUsage: 0.9, running: 9, waiting: 1, pendingPromptTokens: 300 }, -2],
  ['down', { healthy: false }, Number.NEGATIVE_INFINITY],
])('freeness: %s', (_why, state, expected) => {
  expect(freeness(testBackend(0, { ...size, ...state }))).toBeCloseTo(expected, 9)
})

test.each<[string, readonly Partial<BackendView>[], number | string]>([
  ['all equal: the lowest id', [{}, {}], 0],
  [
    'more room for each',
    [
      { kvUsage: 0.2, running: 4 },
      { kvUsage: 0.5, running: 1 },
    ],
    1,
  ],
  ['fewer requests', [{ running: 2 }, { running: 1 }], 1],
  [
    'overbooked, but less',
    [
      { kvUsage: 1, waiting: 1, pendingPromptTokens: 200 },
      { kvUsage: 1, waiting: 1, pendingPromptTokens: 100 },
    ],
    1,
  ],
  ['its room is unknown: the fewest requests', [{ ...unknown, running: 2 }, unknown], 1],
  [
    'of as many the lower usage',
    [
      { ...unknown, kvUsage: 0.5 },
      { ...unknown, kvUsage: 0.4 },
    ],
    1,
  ],
  ['rooms that are known do not compare', [unknown, { running: 1 }], 0],
  ['its queue is full', [{ waiting: 10 }, { running: 50 }], 1],
  ['down', [{ healthy: false }, { running: 90 }], 1],
  ['none', [], 'no_available_backend'],
])('dispatch: %s', (_why, states, expected) => {
  const cluster = testCluster(states.map((state) => ({ ...size, ...state })))
  expect(summary(llumnix.create().route(testRequest(), cluster))).toBe(expected)
})

/** A router that has sent requests, given by their tokens so far, to backends; and what it moves. */
function moving(
  requests: readonly (readonly [backend: number, tokens: number])[],
  parameters = {},
) {
  const router = llumnix.create(parameters)
  const moves: string[] = []
  const seen = (states: readonly Partial<BackendView>[]): ClusterView =>
    testCluster(
      states.map((state) => ({ ...size, ...state })),
      {
        emittedTokens: requests.map(([, tokens]) => tokens - 10),
        migrate: (request, to, mode) => moves.push(`${request} to ${to.id} by ${mode}`),
      },
    )
  const cluster = seen([{}, {}, {}, {}])
  for (const [id, [at, tokens]] of requests.entries()) {
    const backend = cluster.backends[at]!
    const request = testRequest({ id, promptTokens: 10 })
    router.onDispatched?.(request, backend, cluster, backend)
    if (tokens > 0) router.onFirstToken?.(request, backend, cluster)
  }
  const round = (...states: readonly Partial<BackendView>[]): string[] => {
    router.onTimer?.('llumnix moves', seen(states))
    return moves.splice(0)
  }
  return { router, round, cluster }
}

/** A freeness of 1 to 4, and of 100. */
const at = (left: number) => ({ kvUsage: 0.9, running: 10 / left })

test.each<[string, readonly Partial<BackendView>[], readonly string[]]>([
  ['the shortest goes to where there is room', [at(1), {}], ['1 to 1 by transfer']],
  ['a freeness of the threshold is neither', [at(1), { kvUsage: 0.25, running: 25 }], []],
  ['nobody is short of room', [at(4), {}], []],
  ['nobody has room', [at(1), at(2)], []],
  ['its queue is full', [at(1), { waiting: 10 }], []],
  [
    'the most with the least loaded',
    [at(2), {}, at(1), at(4)],
    ['3 to 1 by transfer', '1 to 3 by transfer'],
  ],
  [
    'one that is drained is the most loaded',
    [at(2), {}, { healthy: false }],
    ['3 to 1 by transfer'],
  ],
  ['one without an answer stays', [{}, {}, {}, at(1)], []],
  ['decodes do not go to prefill backends', [at(1), { role: 'prefill' }], []],
  ['it is unknown how much room there is', [{ ...at(1), ...unknown }, {}], []],
])('moves: %s', (_why, states, expected) => {
  const { round } = moving([
    [0, 50],
    [0, 20],
    [0, 0],
    [2, 40],
    [3, 0],
  ])
  expect(round(...states)).toEqual(expected)
})

test('one move at a time, until it is over', () => {
  const { router, round, cluster } = moving([
    [0, 50],
    [0, 20],
    [0, 30],
  ])
  expect(round(at(1), {})).toEqual(['1 to 1 by transfer'])
  expect(round(at(1), {}, {})).toEqual([])
  router.onMigrated?.(testRequest({ id: 1 }), cluster.backends[1]!, true, cluster)
  expect(round(at(1), {})).toEqual(['2 to 1 by transfer'])
  // It was refused: still there, and the shortest.
  router.onMigrated?.(testRequest({ id: 2 }), cluster.backends[0]!, false, cluster)
  expect(round(at(1), {})).toEqual(['2 to 1 by transfer'])
  router.onFinished?.(testRequest({ id: 2 }), cluster.backends[0]!, cluster, testUsage())
  expect(round(at(1), {})).toEqual(['0 to 1 by transfer'])
})

test('a backend to which one is on its way gets no other', () => {
  const { router, round, cluster } = moving([
    [0, 20],
    [2, 40],
  ])
  expect(round(at(1), {}, at(3))).toEqual(['0 to 1 by transfer'])
  expect(round(at(3), {}, at(1))).toEqual([])
  router.onMigrated?.(testRequest({ id: 0 }), cluster.backends[1]!, true, cluster)
  expect(round(at(3), {}, at(1))).toEqual(['1 to 1 by transfer'])
})

/** A router that sends a request of 100 + 100 tokens to a backend with 1,000, and when it wants to look again. */
function looking(state: Partial<BackendView> = {}, parameters = {}, nowMs = 0) {
  const router = llumnix.create(parameters)
  const delays: number[] = []
  const seen = (ms: number, other: Partial<BackendView> = state): ClusterView => ({
    ...testCluster([{ ...size, running: 1, pendingPromptTokens: 100, ...other }], { nowMs: ms }),
    timer: (_id, delayMs) => delays.push(delayMs),
  })
  const send = (cluster: ClusterView, id = 0): void => {
    router.route(testRequest({ id }), cluster)
    const [backend] = cluster.backends
    router.onDispatched?.(testRequest({ id }), backend!, cluster, backend!)
  }
  send(seen(nowMs))
  return { router, delays, seen, send }
}

// Of 100 blocks it holds 20 at most and may demand 10, and one is for rounding: 69 are left.
test.each<[string, Partial<BackendView>, number, boolean]>([
  ['its request leaves enough at its longest', {}, 69, false],
  ['it may leave too little', {}, 69.5, true],
  ['somebody else has requests there', { running: 2 }, 3, true],
  ['the metrics are of another time', { metricsAgeMs: 1 }, 3, true],
  ['it is short of room already', { kvUsage: 0.98 }, 3, true],
  ['it is down', { healthy: false }, 3, true],
  ['it computes prompts only', { role: 'prefill', kvUsage: 1 }, 3, false],
  ['its room is unknown', { ...unknown, kvUsage: 0.98 }, 3, false],
])('a round is made as long as something may be short: %s', (_why, state, threshold, isAwaited) => {
  expect(looking(state, { threshold }).delays).toEqual(isAwaited ? [50] : [])
})

test('a backend may be short of room by what it is handed over', () => {
  const router = llumnix.create({ threshold: 90 })
  const delays: number[] = []
  const cluster: ClusterView = {
    ...testCluster([
      { ...size, role: 'prefill' },
      { ...size, role: 'decode' },
    ]),
    timer: (_id, delayMs) => delays.push(delayMs),
  }
  const [prefill, decode] = cluster.backends
  router.route(testRequest(), cluster.pool('prefill'))
  router.onDispatched?.(testRequest(), prefill!, cluster, prefill!)
  expect(delays).toEqual([])
  // 79 blocks would be left, beside one for rounding.
  router.onHandedOver?.(testRequest(), decode!, cluster)
  expect(delays).toEqual([50])
})

test('rounds are at an interval from the first dispatch, and go on only as long as they must', () => {
  const { router, delays, seen, send } = looking({}, {}, 1000)
  expect(delays).toEqual([])
  send(seen(1130, { running: 2, kvUsage: 0.98 }), 1)
  expect(delays).toEqual([20])
  // It is awaited already.
  send(seen(1140, { running: 3, kvUsage: 0.99 }), 2)
  router.onTimer?.('of somebody else', seen(1145, { kvUsage: 0.99 }))
  expect(delays).toEqual([20])
  router.onTimer?.('llumnix moves', seen(1150, { kvUsage: 0.99 }))
  expect(delays).toEqual([20, 50])
  router.onTimer?.('llumnix moves', seen(1200, { kvUsage: 0.1 }))
  expect(delays).toEqual([20, 50])
  const down = seen(1200.5, { healthy: false })
  router.onBackendChange?.(down.backends[0]!, 'unhealthy', down)
  expect(delays).toEqual([20, 50, 49.5])
  for (const id of [0, 1, 2])
    router.onFinished?.(testRequest({ id }), down.backends[0]!, down, testUsage())
  router.onTimer?.('llumnix moves', down)
  expect(delays.length).toBe(3)
})

test('one that has just been moved stays until it has got a token', () => {
  const { router, round, cluster } = moving([
    [0, 50],
    [0, 20],
  ])
  expect(round(at(1), {})).toEqual(['1 to 1 by transfer'])
  router.onMigrated?.(testRequest({ id: 1 }), cluster.backends[1]!, true, cluster)
  expect(round({}, at(1))).toEqual([])
})

test('without migration it asks for nothing', () => {
  const router = llumnix.create({ preset: 'dispatch_only' })
  expect([router.migrates, router.onTimer]).toEqual([undefined, undefined])
})
