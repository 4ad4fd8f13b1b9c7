import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { costEscalation } from './cost-escalation.js'

test('the cheapest is chosen, pays for the request, and costs decay', () => {
  const router = costEscalation.create({ ties: 'first' })
  const decide = (states: object[], nowMs: number) =>
    summary(router.route(testRequest(), testCluster(states, { nowMs })))

  // All at 0: the first; it pays 1 + 0.5 * 2 + 2 * 0.25 = 2.5.
  expect(decide([{ waiting: 2, kvUsage: 0.25 }, {}], 0)).toBe(0)
  // Running requests are not counted: it pays 1.
  expect(decide([{}, { running: 7 }], 0)).toBe(1)
  // 2.5 against 1: again the second, now at 2.
  expect(decide([{}, {}], 0)).toBe(1)
  // 2.5 against 2, and now 3.
  expect(decide([{}, {}], 0)).toBe(1)
  expect(router.customMetrics?.()).toEqual({
    max_backend_cost: 3,
    min_backend_cost: 2.5,
    cost_spread: 0.5,
  })
  // After 10 s both have fallen to 1/e; only the dearer is available and pays 1.
  expect(decide([{ healthy: false }, {}], 10_000)).toBe(1)
  const metrics = router.customMetrics?.()
  expect(metrics?.['max_backend_cost']).toBeCloseTo(3 / Math.E + 1, 12)
  expect(metrics?.['min_backend_cost']).toBeCloseTo(2.5 / Math.E, 12)
  expect(decide([{ waiting: 10 }, { healthy: false }], 10_000)).toBe('no_available_backend')
})

test('decay in many small steps equals decay in one', () => {
  const [steps, leap] = [costEscalation.create(), costEscalation.create()]
  const at = (nowMs: number, states: object[]) => testCluster(states, { nowMs })
  for (const router of [steps, leap]) router.route(testRequest(), at(0, [{ waiting: 9 }]))
  const down = [{ healthy: false }]
  for (let ms = 1; ms <= 5000; ms++) steps.route(testRequest(), at(ms, down))
  leap.route(testRequest(), at(5000, down))
  const cost = steps.customMetrics?.()['max_backend_cost']
  expect(cost).toBeCloseTo(5.5 * Math.exp(-0.5), 10)
  expect(cost).toBeCloseTo(leap.customMetrics?.()['max_backend_cost'] ?? 0, 10)
})

test('metrics count the backends of the pool only, and are 0 before the first request', () => {
  const router = costEscalation.create()
  expect(router.customMetrics?.()).toEqual({
    max_backend_cost: 0,
    min_backend_cost: 0,
    cost_spread: 0,
  })
  router.route(testRequest(), testCluster([{}, {}, { role: 'decode' }]).pool('decode'))
  expect(router.customMetrics?.()).toEqual({
    max_backend_cost: 1,
    min_backend_cost: 1,
    cost_spread: 0,
  })
})
