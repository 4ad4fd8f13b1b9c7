import type { BackendView } from '@routesim/core'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { skywalker } from './skywalker.js'

type States = readonly Partial<BackendView>[]

/** Sends a prompt of 8 runs to backend 2, then asks where one goes that repeats so many of them. */
function then(states: States, runs = 8, parameters = {}): number | string {
  const router = skywalker.create(parameters)
  const ids = [0, 1, 2, 3, 4, 5, 6, 7]
  const alone = testCluster([{ healthy: false }, { healthy: false }, {}])
  expect(summary(router.route(testPrompt(ids), alone))).toBe(2)
  const mine = ids.map((id) => (id < runs ? id : 100 + id))
  return summary(router.route(testPrompt(mine, { id: 1 }), testCluster(states)))
}

const busy = { waiting: 1 }
const FORTY = [{ outstanding: 40 }, { outstanding: 40 }]
const TWICE = { balance_rel: 2 }

test.each<[string, States, number | string, number?, object?]>([
  ['the owner', [{}, {}, {}], 2],
  ['five of eight runs are above one half', [{}, {}, {}], 2, 5],
  ['four are not', [{}, {}, {}], 0, 4],
  ['the owner has somebody waiting', [{ outstanding: 1 }, {}, busy], 1],
  ['all have: it waits here', [busy, busy, busy], 'hold'],
  ['all but one', [busy, { outstanding: 9 }, busy], 1],
  ['one may wait', [{}, {}, busy], 2, 8, { max_waiting: 1 }],
  ['out of balance', [{}, {}, { outstanding: 33 }], 0],
  ['32 are not out of balance', [{}, {}, { outstanding: 32 }], 2],
  ['twice as many are not more than twice', [...FORTY, { outstanding: 80 }], 2, 8, TWICE],
  ['one more is', [...FORTY, { outstanding: 81 }], 0, 8, TWICE],
  ['only candidates are compared', [{}, { ...busy, outstanding: 90 }, { outstanding: 2 }], 2],
  ['the least loaded of the others', [{ outstanding: 2 }, { outstanding: 1 }, busy], 1],
  ['the owner is down', [{ outstanding: 2 }, {}, { healthy: false }], 1],
  ['none is there', [{ healthy: false }, { waiting: 10 }], 'no_available_backend'],
  ['none', [], 'no_available_backend'],
])('%s', (_why, states, expected, runs, parameters) => {
  expect(then(states, runs, parameters)).toBe(expected)
})

test('owners of the same prefix: the least loaded', () => {
  const router = skywalker.create()
  const ids = [0, 1, 2]
  const send = (id: number, states: States) =>
    summary(router.route(testPrompt(ids, { id }), testCluster(states)))
  expect(send(0, [busy, {}, busy])).toBe(1)
  expect(send(1, [busy, busy, {}])).toBe(2)
  expect(send(2, [{}, { outstanding: 3 }, { outstanding: 2 }])).toBe(2)
})

test('who has given up is waited for by nobody', () => {
  const router = skywalker.create()
  const ask = (id: number, states: States) =>
    summary(router.route(testRequest({ id }), testCluster(states)))
  expect(ask(0, [busy])).toBe('hold')
  expect(ask(1, [{}])).toBe('hold')
  router.onAbandoned!(testRequest({ id: 0 }), testCluster([{}]))
  expect(ask(1, [{}])).toBe(0)
})

test('nobody overtakes who waits, but for those who gave up', () => {
  const router = skywalker.create()
  const ask = (id: number, nowMs: number, states: States = [{}]) => {
    const decision = router.route(testRequest({ id }), testCluster(states, { nowMs }))
    return decision.kind === 'hold' ? decision.untilMs : summary(decision)
  }
  // All are looked at on one grid of 10 ms.
  expect([ask(0, 1, [busy]), ask(1, 4, [busy]), ask(2, 5)]).toEqual([10, 10, 10])
  expect([ask(0, 10), ask(1, 10, [busy]), ask(2, 10)]).toEqual(
    ['0', 20, 20].map((x) => (x === '0' ? 0 : x)),
  )
  // The next one is never asked about again.
  expect(ask(2, 20)).toBe(30)
  expect(ask(2, 30)).toBe(40)
  expect(ask(2, 40)).toBe(0)
})

test('evicts at the interval, on every backend, what is above the tokens that are kept', () => {
  /** Sends prompts of 16 tokens to one backend, then asks at a time where the first of them goes again. */
  const later = (owner: 0 | 1, prompts: number, nowMs: number): number | string => {
    const router = skywalker.create({ eviction_interval_sec: 10, max_tree_tokens: 32 })
    const down = { healthy: false }
    for (let id = 0; id < prompts; id++) {
      router.route(testPrompt([id], { id }), testCluster(owner === 0 ? [{}, down] : [down, {}]))
    }
    const states = owner === 0 ? [{ outstanding: 1 }, {}] : [{}, {}]
    return summary(router.route(testPrompt([0], { id: 9 }), testCluster(states, { nowMs })))
  }
  expect([later(0, 3, 9_999), later(0, 3, 10_000)]).toEqual([0, 1])
  expect([later(1, 3, 9_999), later(1, 3, 10_000)]).toEqual([1, 0])
  expect(later(0, 2, 10_000)).toBe(0)
})
