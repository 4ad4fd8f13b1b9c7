import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { leastKv } from './least-kv.js'

test.each([
  {
    why: 'lowest share',
    states: [{ kvUsage: 0.5 }, { kvUsage: 0.2 }, { kvUsage: 0.9 }],
    expected: 1,
  },
  {
    why: 'requests do not count',
    states: [{ kvUsage: 0.3 }, { kvUsage: 0.2, running: 99 }],
    expected: 1,
  },
  {
    why: 'a tie goes to the lowest id',
    states: [{ kvUsage: 1 }, { kvUsage: 0 }, { kvUsage: 0 }],
    expected: 1,
  },
  { why: 'all equal', states: [{ kvUsage: 1 }, { kvUsage: 1 }], expected: 0 },
  {
    why: 'a full queue is no candidate',
    states: [{ kvUsage: 0, waiting: 10 }, { kvUsage: 1 }],
    expected: 1,
  },
  { why: 'none available', states: [{ healthy: false }], expected: 'no_available_backend' },
])('$why', ({ states, expected }) => {
  const router = leastKv.create({ ties: 'first' })
  expect(summary(router.route(testRequest(), testCluster(states)))).toBe(expected)
})
