import fc from 'fast-check'
import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { leastOutstanding } from './least-outstanding.js'

test.each([
  {
    why: 'fewest waiting and running together',
    states: [
      [3, 1],
      [0, 3],
      [1, 4],
    ],
    expected: 1,
  },
  {
    why: 'a tie goes to the lowest id',
    states: [
      [2, 1],
      [1, 1],
      [0, 2],
    ],
    expected: 1,
  },
  {
    why: 'all equal',
    states: [
      [1, 1],
      [1, 1],
    ],
    expected: 0,
  },
  {
    why: 'a full queue is no candidate, even with nothing running',
    states: [
      [10, 0],
      [9, 9],
    ],
    expected: 1,
  },
  {
    why: 'all full',
    states: [
      [10, 0],
      [10, 1],
    ],
    expected: 'no_available_backend',
  },
  { why: 'no backend', states: [], expected: 'no_available_backend' },
])('$why', ({ states, expected }) => {
  const cluster = testCluster(states.map(([waiting = 0, running = 0]) => ({ waiting, running })))
  const router = leastOutstanding.create({ ties: 'first' })
  expect(summary(router.route(testRequest(), cluster))).toBe(expected)
})

test('an unhealthy idle backend is passed over', () => {
  const cluster = testCluster([{ healthy: false }, { running: 50 }])
  expect(summary(leastOutstanding.create().route(testRequest(), cluster))).toBe(1)
})

test('an idle cluster is not herded onto one backend', () => {
  const cluster = testCluster([{}, {}, {}, {}])
  const router = leastOutstanding.create()
  const chosen = Array.from({ length: 100 }, () => summary(router.route(testRequest(), cluster)))
  expect(new Set(chosen)).toEqual(new Set([0, 1, 2, 3]))
})

test('no available backend has fewer', () => {
  const state = fc.record({
    healthy: fc.boolean(),
    waiting: fc.integer({ min: 0, max: 10 }),
    running: fc.integer({ min: 0, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(state), (states) => {
      const cluster = testCluster(states)
      const chosen = leastOutstanding.create().route(testRequest(), cluster)
      for (const backend of cluster.backends.filter(({ available }) => available)) {
        expect(chosen).toMatchObject({ kind: 'backend' })
        if (chosen.kind === 'backend') {
          expect(chosen.outstanding).toBeLessThanOrEqual(backend.outstanding)
        }
      }
    }),
  )
})
