import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { leastOutstanding } from './least-outstanding.js'

decisionTable(
  leastOutstanding,
  `
  backends         | draws | choice               | why
  w3 r1, r3, w1 r4 |       | 1                    | fewest waiting and running together
  r5, w4           |       | 1                    | waiting ones count as much as running ones
  w5, r5           |       | 0                    | which makes these equal
  w2 r1, w1 r1, r2 |       | 1                    | a tie of two: the lowest id
  w1 r1, w1 r1     |       | 0                    | all equal
  -, -, -          |       | 0                    | all idle
  -, -, -          | 0     | 0                    | a random tie: the first
  -, -, -          | 1     | 1                    | a random tie: the second
  -, -, -          | 2     | 2                    | a random tie: the third
  r1, -, -         | 1     | 2                    | a random tie of the two idle ones
  -, r1, -         | 1     | 2                    | a random tie around a busy one
  -, x, -          | 1     | 2                    | a random tie around one that is down
  w10, w9 r9       |       | 1                    | a full queue is no candidate, even with nothing running
  w9, r10          |       | 0                    | one short of full is
  w2 d2, r90       |       | 1                    | the depth is each backend's own
  w1 d2, r90       |       | 0                    | and one short of it is enough
  o0 r9, o1        |       | 0                    | its own account goes before old metrics
  k1, r1           |       | 0                    | KV usage does not count
  m0, m96 r1       |       | 0                    | nor does what is cached
  p9000, r1        |       | 0                    | nor do prompt tokens
  x, r50           |       | 1                    | the idle one is down
  w10, w10 r1      |       | no_available_backend | all full
  x, x             |       | no_available_backend | all down
                   |       | no_available_backend | no backends
`,
)

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
