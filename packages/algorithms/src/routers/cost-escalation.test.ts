import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { costEscalation } from './cost-escalation.js'

// A decision adds 1 + 0.5 waiting + 2 KV usage; reasons give the costs before it.
decisionTable(
  costEscalation,
  `
  backends    | request    | choice               | why
  w2 k0.25, - |            | 0                    | 0 and 0: the lowest id, which pays 2.5
  -, r7       |            | 1                    | 2.5 and 0; running ones do not count, it pays 1
  -, -        |            | 1                    | 2.5 and 1
  -, -        |            | 1                    | 2.5 and 2
  -, -        |            | 0                    | 2.5 and 3
  -, w1       |            | 1                    | 3.5 and 3, and it pays 1.5
  x, -        |            | 1                    | 3.5 and 4.5, but the first is down
  -, -        |            | 0                    | 3.5 and 5.5
  -, -        |            | 0                    | 4.5 and 5.5
  -, -        |            | 0                    | 5.5 and 5.5: the lowest id
  -, k0.5     |            | 1                    | 6.5 and 5.5, and it pays 2
  w10, -      |            | 1                    | 6.5 and 7.5, but the first is full
  w10, x      |            | no_available_backend | nobody, who pays nothing
              |            | no_available_backend | no backends
  -, -, -     |            | 2                    | 6.5, 8.5 and a new one at 0
  -, -, w4    |            | 2                    | 6.5, 8.5 and 1, and it pays 3
  -, -, w4    |            | 2                    | 6.5, 8.5 and 4
  -, -, -     |            | 0                    | 6.5, 8.5 and 7
  -, -, -     |            | 2                    | 7.5, 8.5 and 7
  -, -, -     | ms=1000000 | 0                    | 7.5, 8.5 and 8, all e^-100 times: time keeps the order
  -, -, -     | ms=1000000 | 2                    | 1, and the second least of nearly nothing
  -, -, -     | ms=1000000 | 1                    | 1, the least, 1
  -, -, -     | ms=1000000 | 0                    | 1, 1 and 1: the lowest id
`,
  'story',
)

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
