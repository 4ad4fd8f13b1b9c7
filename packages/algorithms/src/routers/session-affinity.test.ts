import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { sessionAffinity } from './session-affinity.js'

const idle = [{}, {}]

decisionTable(
  sessionAffinity,
  `
  backends  | request   | choice               | why
  r1, -     | session=a | 1                    | a new session: the fewest requests
  -, r9     | session=a | 1                    | it stays, whatever the load
  -, r9     | session=b | 0                    | another: the fewest requests
  r1, -     |           | 1                    | no session: the fewest requests
  -, w10    | session=a | 0                    | its backend is full: it moves
  r5, -     | session=a | 0                    | for good
  x, r9     | session=b | 1                    | its backend is down: it moves
  x, w10    | session=c | no_available_backend | nobody has room
  -, -      | session=c | 0                    | so it is still new; a tie goes to the lowest id
  -, r9     | session=b | 1                    | it stays where it moved
  r1, r1    | session=d | 0                    | all equal: the lowest id
  r9, -     | session=d | 0                    | and stays
  r2, r1, - | session=e | 2                    | a third backend
  -, -, r9  | session=e | 2                    | and stays
  -, -      | session=e | 0                    | the third is gone: it moves
  -, -, -   | session=e | 0                    | and does not come back with it
            | session=f | no_available_backend | no backends
  x, x      | session=a | no_available_backend | all down
  r1, -     | session=a | 1                    | after which it is new again
  -, r1     | user=u    | 0                    | a user is no session
  w9, -     | session=c | 0                    | with room for one there is room
  w10, r90  | session=c | 1                    | without, it moves
  r2, w1    |           | 1                    | no session: waiting ones count too
`,
  'story',
)

describe('sessionAffinity', () => {
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

  test.each([
    [5, 3],
    [6, 4],
  ])('of %i sessions the half is forgotten, and one comes: %i', (max_sessions, left) => {
    const router = sessionAffinity.create({ max_sessions, ties: 'first' })
    for (let i = 0; i <= max_sessions; i++) {
      router.route(testRequest({ session: `s${i}` }), testCluster(idle))
    }
    expect(router.customMetrics?.()).toEqual({ active_sessions: left })
  })

  test('a session remembers two backends, and goes to the first that is available', () => {
    const router = sessionAffinity.create({ homes: 2, ties: 'first' })
    const goes = (...down: number[]) => {
      const states = [0, 1, 2].map((id) => ({ healthy: !down.includes(id) }))
      return summary(router.route(testRequest({ session: 'a' }), testCluster(states)))
    }
    // 0, then 1 beside it; back to 0; with both down 2 takes the place of the older.
    expect([goes(), goes(0), goes(), goes(0), goes(0, 1), goes(), goes(1)]).toEqual([
      0, 1, 0, 1, 2, 1, 2,
    ])
  })

  test('a session that was idle for long is new again', () => {
    const at = (nowMs: number, session: string, running: number) =>
      summary(
        router.route(
          testRequest({ session }),
          testCluster([{ running }, { running: 1 }], { nowMs }),
        ),
      )
    const router = sessionAffinity.create({ idle_sec: 10, ties: 'first' })
    expect([at(0, 'a', 0), at(0, 'b', 2), at(9999, 'a', 9)]).toEqual([0, 1, 0])
    expect(router.customMetrics?.()).toEqual({ active_sessions: 2 })
    // b is forgotten 10 s after its one request, a 10 s after its second.
    expect(at(10_000, 'b', 0)).toBe(0)
    expect(at(19_998, 'a', 9)).toBe(0)
    expect(at(29_998, 'a', 9)).toBe(1)
    expect(router.customMetrics?.()).toEqual({ active_sessions: 1 })
  })

  test('the fewest sessions, whatever the load', () => {
    const router = sessionAffinity.create({ assign: 'fewest_sessions', ties: 'first' })
    const goes = (session: string) =>
      summary(router.route(testRequest({ session }), testCluster([{}, { running: 9 }])))
    expect(['a', 'b', 'a', 'c', 'd'].map(goes)).toEqual([0, 1, 0, 0, 1])
  })

  test('anywhere at first, then always there', () => {
    const router = sessionAffinity.create({ preset: 'smg_manual' })
    const cluster = testCluster([{ running: 9 }, {}, { running: 5 }, {}])
    const homes = Array.from({ length: 400 }, (_, i) =>
      summary(router.route(testRequest({ session: `s${i}` }), cluster)),
    )
    for (const id of [0, 1, 2, 3]) {
      // Four standard deviations of a binomial count.
      expect(Math.abs(homes.filter((home) => home === id).length - 100)).toBeLessThan(35)
    }
    for (const [i, home] of homes.entries()) {
      expect(summary(router.route(testRequest({ session: `s${i}` }), cluster))).toBe(home)
    }
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
