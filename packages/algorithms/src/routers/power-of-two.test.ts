import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { powerOfTwo } from './power-of-two.js'

const down = { healthy: false }

// With two available backends both are drawn, so the decision is known.
test.each([
  {
    why: 'the less outstanding',
    states: [{ running: 3 }, { waiting: 1, running: 1 }],
    expected: 1,
  },
  { why: 'a tie goes to the lower id', states: [{ running: 2 }, { waiting: 2 }], expected: 0 },
  {
    why: 'the unavailable are never drawn',
    states: [down, { running: 9 }, down, { running: 8 }],
    expected: 3,
  },
  { why: 'one available', states: [{ waiting: 10 }, { running: 9 }], expected: 1 },
  { why: 'none available', states: [down, down], expected: 'no_available_backend' },
  { why: 'no backend', states: [], expected: 'no_available_backend' },
])('$why', ({ states, expected }) => {
  for (let seed = 0; seed < 20; seed++) {
    const cluster = testCluster(states, { random: new RandomStream(seed, 'router') })
    const router = powerOfTwo.create({ ties: 'first' })
    expect(summary(router.route(testRequest(), cluster))).toBe(expected)
  }
})

test('the backend with rank k of n is chosen with probability 2 (n - k) / n (n - 1)', () => {
  const cluster = testCluster([{ running: 0 }, { running: 1 }, { running: 2 }, { running: 3 }])
  const router = powerOfTwo.create()
  const counts = [0, 0, 0, 0]
  const draws = 12_000
  for (let i = 0; i < draws; i++) counts[Number(summary(router.route(testRequest(), cluster)))]!++
  const expected = [6000, 4000, 2000, 0]
  for (const [rank, count] of counts.entries()) {
    // Four standard deviations of a binomial count with 12 000 trials at most.
    expect(Math.abs(count - expected[rank]!)).toBeLessThan(220)
  }
  expect(counts[3]).toBe(0)
})

test('random ties are unbiased', () => {
  const cluster = testCluster([{}, {}, {}])
  const router = powerOfTwo.create()
  const counts = [0, 0, 0]
  for (let i = 0; i < 9000; i++) counts[Number(summary(router.route(testRequest(), cluster)))]!++
  const chiSquare = counts.reduce((sum, n) => sum + (n - 3000) ** 2 / 3000, 0)
  // The 99.9th percentile of chi-square with 2 degrees of freedom.
  expect(chiSquare).toBeLessThan(13.82)
})
