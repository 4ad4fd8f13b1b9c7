import { describe, expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { sessionAffinity } from './session-affinity.js'

const idle = [{}, {}]

describe('sessionAffinity', () => {
  test('follows the session, and moves it when its backend is not available', () => {
    const router = sessionAffinity.create({ ties: 'first' })
    const table: [string | undefined, object[], number | string][] = [
      ['a', [{ running: 1 }, {}], 1],
      ['a', [{}, { running: 9 }], 1],
      ['b', [{}, { running: 9 }], 0],
      [undefined, [{ running: 1 }, {}], 1],
      ['a', [{}, { waiting: 10 }], 0],
      ['a', [{ running: 5 }, {}], 0],
      ['b', [{ healthy: false }, { running: 9 }], 1],
      ['c', [{ healthy: false }, { waiting: 10 }], 'no_available_backend'],
      ['c', idle, 0],
      ['b', [{}, { running: 9 }], 1],
    ]
    for (const [session, states, expected] of table) {
      const decision = router.route(testRequest({ session }), testCluster(states))
      expect(summary(decision)).toBe(expected)
    }
    expect(router.customMetrics?.()).toEqual({ active_sessions: 3 })
  })

  test('forgets the half used least recently when a session too many begins', () => {
    const router = sessionAffinity.create({ max_sessions: 4, ties: 'first' })
    const onOne = testCluster([{ running: 1 }, {}])
    const onZero = testCluster([{}, { running: 1 }])
    for (const session of ['a', 'b', 'c', 'd', 'a']) router.route(testRequest({ session }), onOne)
    expect(router.customMetrics?.()).toEqual({ active_sessions: 4 })
    router.route(testRequest({ session: 'e' }), onOne)
    expect(router.customMetrics?.()).toEqual({ active_sessions: 3 })
    const homes = ['a', 'd', 'e', 'b'].map((session) =>
      summary(router.route(testRequest({ session }), onZero)),
    )
    expect(homes).toEqual([1, 1, 1, 0])
  })

  test('one session at most is possible', () => {
    const router = sessionAffinity.create({ max_sessions: 1 })
    for (const session of ['a', 'b', 'c']) {
      router.route(testRequest({ session }), testCluster(idle))
      expect(router.customMetrics?.()).toEqual({ active_sessions: 1 })
    }
  })

  test('finds backends by id within a pool', () => {
    const router = sessionAffinity.create()
    const pool = testCluster([{ role: 'prefill' }, { role: 'decode' }]).pool('decode')
    const decisions = [1, 2].map(() => summary(router.route(testRequest({ session: 'a' }), pool)))
    expect(decisions).toEqual([1, 1])
  })
})
