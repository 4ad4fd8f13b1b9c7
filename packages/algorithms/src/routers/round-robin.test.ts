import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { roundRobin } from './round-robin.js'

decisionTable(
  roundRobin,
  `
  backends   | choice               | why
  -, -, -    | 0                    | the first request: the first backend
  -, -, -    | 1                    | the next
  -, -, -    | 2                    | and the next
  -, -, -    | 0                    | around
  -, x, -    | 2                    | one that is down is passed over
  -, -, -    | 0                    | and the turn goes on behind the one that was taken
  -, w10, -  | 2                    | a full one is passed over
  x, w10, x  | no_available_backend | nobody
  -, -, -    | 0                    | which costs nobody a turn
             | no_available_backend | no backends
  -, -, -    | 1                    | nor does that
  -          | 0                    | only one is left
  -, -, -, - | 1                    | four again
  -, -, -, - | 2                    | the third
  -, -, -, - | 3                    | the new one
  -, -, -    | 0                    | it is gone: around
  w9, w9, w9 | 1                    | with room for one there is room
  -, -, r90  | 2                    | load does not matter
  x, -, -    | 1                    | around, past one that is down
  x, w10, -  | 2                    | past two
  x, w10, -  | 2                    | the only one, again
  -, w10, x  | 0                    | the only one, another
`,
  'story',
)

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
