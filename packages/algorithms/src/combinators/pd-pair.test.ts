import { disaggregate, hold, type RoutingAlgorithm } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { dynamoKv } from '../routers/dynamo-kv.js'
import { leastKv } from '../routers/least-kv.js'
import { leastOutstanding } from '../routers/least-outstanding.js'
import { sessionAffinity } from '../routers/session-affinity.js'
import { testBackend, testCluster } from '../test-kit/test-cluster.js'
import { testRequest, testUsage } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { pdPair } from './pd-pair.js'

const prefill = { role: 'prefill' } as const
const decode = { role: 'decode' } as const
const down = { healthy: false }

describe('pdPair', () => {
  test.each([
    {
      why: 'each from its pool',
      states: [prefill, decode, { ...prefill, running: 1 }],
      expected: '0>1',
    },
    {
      why: 'a busy prefill backend',
      states: [{ ...prefill, running: 2 }, decode, prefill],
      expected: '2>1',
    },
    {
      why: 'KV use decides on decode',
      states: [prefill, { ...decode, kvUsage: 0.5 }, decode],
      expected: '0>2',
    },
    { why: 'one backend for both', states: [{}, { running: 1, kvUsage: 1 }], expected: 0 },
    { why: 'two that do both', states: [{ kvUsage: 1 }, { running: 1 }], expected: '0>1' },
    {
      why: 'no prefill backend',
      states: [{ ...prefill, ...down }, decode],
      expected: 'no_available_backend',
    },
    {
      why: 'no decode backend',
      states: [prefill, { ...decode, waiting: 10 }],
      expected: 'no_available_backend',
    },
  ])('$why', ({ states, expected }) => {
    const router = pdPair(
      leastOutstanding.create({ ties: 'first' }),
      leastKv.create({ ties: 'first' }),
    )
    expect(summary(router.route(testRequest(), testCluster(states)))).toBe(expected)
  })

  test.each(['arrival', 'hand_over'] as const)(
    'a prompt is decoded by the model that computes it, whoever is idle: at %s',
    (decodeAt) => {
      const router = pdPair(leastOutstanding.create(), leastOutstanding.create(), { decodeAt })
      const states = [
        { ...prefill, model: 'a' },
        { ...decode, model: 'b' },
        { ...decode, model: 'a', running: 5 },
      ]
      const decided = (all: typeof states): unknown => {
        const cluster = testCluster(all)
        return decodeAt === 'arrival'
          ? summary(router.route(testRequest(), cluster))
          : summary(router.routeDecode!(testRequest(), cluster, cluster.backends[0]!))
      }
      expect(decided(states)).toBe(decodeAt === 'arrival' ? '0>2' : 2)
      expect(decided(states.slice(0, 2))).toBe('no_available_backend')
    },
  )

  test('sessions stick in each pool by itself', () => {
    const router = pdPair(sessionAffinity.create(), sessionAffinity.create())
    const request = testRequest({ session: 'a' })
    const busyLow = [{ ...prefill, running: 9 }, { ...decode, running: 9 }, prefill, decode]
    const busyHigh = [prefill, decode, { ...prefill, running: 9 }, { ...decode, running: 9 }]
    expect(summary(router.route(request, testCluster(busyLow)))).toBe('2>3')
    expect(summary(router.route(request, testCluster(busyHigh)))).toBe('2>3')
    expect(router.customMetrics?.()).toEqual({
      prefill_active_sessions: 1,
      decode_active_sessions: 1,
    })
  })

  test('the name is common to both, or a pair', () => {
    const pair = pdPair(leastKv.create(), leastKv.create())
    expect([pair.name, pair.customMetrics?.()]).toEqual(['least_kv', {}])
    expect(pdPair(leastOutstanding.create(), leastKv.create()).name).toBe(
      'least_outstanding+least_kv',
    )
  })

  test('hooks reach the router of the role, with its pool; absent hooks stay absent', () => {
    const log: string[] = []
    const listener = (name: string): RoutingAlgorithm => ({
      ...leastKv.create(),
      onDispatched(_request, backend, cluster) {
        log.push(`${name}: ${backend.id} of ${cluster.backends.map(({ id }) => id)}`)
      },
    })
    const router = pdPair(listener('p'), listener('d'))
    const cluster = testCluster([prefill, decode, {}])
    for (const backend of cluster.backends) {
      router.onDispatched?.(testRequest(), backend, cluster, backend)
    }
    expect(log).toEqual(['p: 0 of 0,2', 'd: 1 of 1,2', 'p: 2 of 0,2', 'd: 2 of 1,2'])
    expect(router.onFinished).toBeUndefined()
  })

  test('a hook that only one of the two has reaches it', () => {
    const log: number[] = []
    const listener: RoutingAlgorithm = {
      ...leastKv.create(),
      onFinished: ({ id }) => log.push(id),
    }
    const cluster = testCluster([prefill, decode])
    const pairs = [pdPair(listener, leastKv.create()), pdPair(leastKv.create(), listener)]
    for (const [id, pair] of pairs.entries()) {
      pair.onFinished?.(testRequest({ id }), cluster.backends[1]!, cluster, testUsage())
    }
    expect(log).toEqual([0, 1])
  })

  test('of a pair, each router hears of its own backend, and both hear of its end', () => {
    const log: string[] = []
    const listener = (name: string): RoutingAlgorithm => ({
      ...leastKv.create(),
      onDispatched: (_request, backend) => log.push(`${name} sent to ${backend.id}`),
      onFirstToken: (_request, backend) => log.push(`${name} first token of ${backend.id}`),
      onFinished: (_request, backend) => log.push(`${name} ended on ${backend.id}`),
    })
    const router = pdPair(listener('p'), listener('d'))
    const cluster = testCluster([prefill, decode])
    const request = testRequest({ id: 7 })
    expect(summary(router.route(request, cluster))).toBe('0>1')
    router.onDispatched?.(request, cluster.backends[0]!, cluster, cluster.backends[1]!)
    router.onFirstToken?.(request, cluster.backends[1]!, cluster)
    router.onFinished?.(request, cluster.backends[1]!, cluster, testUsage())
    expect(log).toEqual([
      'p sent to 0',
      'd sent to 1',
      'p first token of 1',
      'd first token of 1',
      'p ended on 1',
      'd ended on 1',
    ])
  })

  test('what a router keeps of requests under way is gone when they are', () => {
    const router = pdPair(dynamoKv.create({ ties: 'first' }), dynamoKv.create({ ties: 'first' }))
    const cluster = testCluster([prefill, prefill, decode, decode])
    const send = (id: number) => {
      const request = testRequest({ id })
      const decision = router.route(request, cluster)
      const [prefill, decode] = `${summary(decision)}`.split('>').map(Number)
      const { backends } = cluster
      router.onDispatched?.(request, backends[prefill!]!, cluster, backends[decode!]!)
      return summary(decision)
    }
    expect([send(0), send(1)]).toEqual(['0>2', '1>3'])
    const end = (id: number) =>
      router.onFinished?.(testRequest({ id }), cluster.backends[2]!, cluster, testUsage())
    for (const id of [0, 1]) end(id)
    expect([send(2), send(3)]).toEqual(['0>2', '1>3'])
    end(2)
    expect(send(4)).toBe('0>2')
  })

  test('a pair waits when one of its routers does, but not for ever', () => {
    const waiting = (untilMs?: number) =>
      pdPair({ name: 'waiting', route: () => hold(untilMs) }, leastKv.create())
    const cluster = testCluster([prefill, decode])
    expect(waiting(5).route(testRequest(), cluster)).toEqual({ kind: 'hold', untilMs: 5 })
    expect(() => waiting().route(testRequest(), cluster)).toThrow('got hold()')
  })

  test('at the hand-over the second router is asked then, and hears of the dispatch then', () => {
    const log: string[] = []
    const listener = (name: string): RoutingAlgorithm => ({
      ...leastOutstanding.create({ ties: 'first' }),
      onDispatched: (_request, backend) => log.push(`${name} sent to ${backend.id}`),
    })
    const router = pdPair(listener('p'), listener('d'), { decodeAt: 'hand_over' })
    const [request, before] = [testRequest(), testCluster([prefill, decode, decode])]
    const [from, to] = before.backends
    expect(summary(router.route(request, before))).toBe('0>?')
    router.onDispatched?.(request, from!, before, from!)
    expect(log).toEqual(['p sent to 0'])
    const after = testCluster([prefill, { ...decode, running: 1 }, decode])
    expect(summary(router.routeDecode!(request, after, from!))).toBe(2)
    router.onHandedOver?.(request, to!, after)
    expect(log).toEqual(['p sent to 0', 'd sent to 1'])
    // A backend that does both is decided about at once.
    expect(summary(router.route(request, testCluster([{}, { ...decode, running: 1 }])))).toBe(0)
  })

  test('one instance twice, and a router that disaggregates itself, are errors', () => {
    const one = leastKv.create()
    expect(() => pdPair(one, one)).toThrow(expect.objectContaining({ code: 'router_invalid' }))
    const pair = disaggregate(testBackend(0), testBackend(1))
    const nested = pdPair({ name: 'nested', route: () => pair }, one)
    expect(() => nested.route(testRequest(), testCluster([{}]))).toThrow(
      'pdPair: expected nested to choose one backend, got disaggregate()',
    )
    const late = pdPair(
      leastKv.create(),
      { name: 'late', route: () => pair },
      { decodeAt: 'hand_over' },
    )
    expect(() => late.routeDecode!(testRequest(), testCluster([{}]), testBackend(0))).toThrow(
      'pdPair: expected late to choose one backend, got disaggregate()',
    )
  })
})
