import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { roundRobin } from './round-robin.js'

test('takes the next available id after the last, and wraps', () => {
  const router = roundRobin.create()
  const up = {}
  const down = { healthy: false }
  const full = { waiting: 10 }
  const table: [object[], number | string][] = [
    [[up, up, up], 0],
    [[up, down, up], 2],
    [[up, up, up], 0],
    [[down, full, down], 'no_available_backend'],
    [[up, up, up], 1],
    [[up, up, full], 0],
    [[full, up, up], 1],
    [[up, up], 0],
  ]
  for (const [states, expected] of table) {
    expect(summary(router.route(testRequest(), testCluster(states)))).toBe(expected)
  }
})

test('visits available backends evenly', () => {
  const router = roundRobin.create()
  const cluster = testCluster([{}, {}, { healthy: false }, {}, {}])
  const visits = cluster.backends.map(() => 0)
  for (let i = 0; i < 4 * 25; i++) visits[Number(summary(router.route(testRequest(), cluster)))]!++
  expect(visits).toEqual([25, 25, 0, 25, 25])
})

test('counts ids, not positions, within a pool', () => {
  const router = roundRobin.create()
  const pool = testCluster([{ role: 'prefill' }, {}, { role: 'prefill' }]).pool('prefill')
  const decisions = [1, 2, 3].map(() => summary(router.route(testRequest(), pool)))
  expect(decisions).toEqual([0, 2, 0])
})
