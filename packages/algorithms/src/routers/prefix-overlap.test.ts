import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { prefixOverlap } from './prefix-overlap.js'

// L = requests / 10. A backend scores w m / prompt + (1 - w)(1 - L), w = 0.7 unless given.
decisionTable(
  prefixOverlap,
  `
  backends       | request              | parameters     | draws | choice               | why
  m64, r2 m96    | prefix=48            |                |       | 1                    | 0.748 against 0.912: more overlap
  m80, r7 m96    | prefix=48            |                |       | 0                    | 0.86 against 0.762: a little more does not outweigh a queue
  r3 m60, m30    | prefix=48            |                |       | 0                    | 0.63 against 0.51
  r8 m60, m30    | prefix=48            |                |       | 1                    | 0.48 against 0.51
  -, r8 m96      | prefix=48            |                |       | 1                    | 0.3 against 0.732: under max_load it counts
  -, r9 m96      | prefix=48            |                |       | 0                    | 0.3 against 0.03: at max_load it does not
  -, r9 m96      | prefix=48            | max_load=0.95  |       | 1                    | 0.3 against 0.702
  -, m96         | prefix=48            | max_load=0     |       | 0                    | never under it: equals
  w4 r4 m96, -   | prefix=48            |                |       | 0                    | waiting ones count: 8 of 10
  w5 r4 m96, -   | prefix=48            |                |       | 1                    | 9 of 10
  -, r1 m4       | prefix=48            |                |       | 0                    | 0.3 against 0.298: a request is worth 4.3 tokens
  -, r1 m5       | prefix=48            |                |       | 1                    | 0.3 against 0.305
  -, r2 m96      | prefix=48 prompt=200 |                |       | 1                    | 0.3 against 0.576: shares are of the whole prompt
  -, m1          | prefix=48            |                |       | 1                    | any overlap is better than none
  r50, r20 m96   | prefix=48            |                |       | 0                    | load is 1 at most: equals
  r15, r12       | prefix=48            |                |       | 0                    | load is 1 at most, without a prefix too
  m32, r8 m48    | prefix=48            | cache_weight=1 |       | 1                    | weight 1 looks at overlap alone
  r1 m96, -      | prefix=48            | cache_weight=0 |       | 1                    | weight 0 looks at load alone
  r2 m96, r1     | prefix=0             |                |       | 1                    | without a prefix, the fewest requests
  r1, -          | prefix=48            |                |       | 1                    | nobody holds it: the less loaded
  r1 m32, r1 m32 | prefix=48            |                |       | 0                    | all equal
  r1 m32, r1 m32 | prefix=48            |                | 1     | 1                    | all equal, at random
  -, -           | prefix=48            |                |       | 0                    | all idle and empty
  x m96, r9      | prefix=48            |                |       | 1                    | the holder is down
  w10 m96, r9    | prefix=48            |                |       | 1                    | the holder is full
  x, x           | prefix=48            |                |       | no_available_backend | all down
                 | prefix=48            |                |       | no_available_backend | no backends
`,
)

test('a holder that is not available is passed over', () => {
  const router = prefixOverlap.create()
  const request = testRequest({ prefixTokens: 48 })
  const options = { matchedTokens: [96, 0] }
  expect(summary(router.route(request, testCluster([{ waiting: 10 }, {}], options)))).toBe(1)
  const down = testCluster([{ healthy: false }, { healthy: false }], options)
  expect(summary(router.route(request, down))).toBe('no_available_backend')
})

test('in a fleet of any size, from one request to the next, the choice has the highest score', () => {
  const state = fc.record({
    running: fc.integer({ min: 0, max: 10 }),
    matched: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 96 })),
    healthy: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
  })
  const fleet = fc.array(state, { minLength: 1, maxLength: 40 })
  const changes = fc.array(fc.tuple(fc.nat(39), state), { maxLength: 6 })
  fc.assert(
    fc.property(fleet, changes, (states, changes) => {
      const router = prefixOverlap.create({ ties: 'first' })
      const request = testRequest({ prefixTokens: 48, promptTokens: 96 })
      const decide = (): void => {
        const matchedTokens = states.map(({ matched }) => matched)
        const cluster = testCluster(states, { matchedTokens })
        const scores = states.map(({ running, matched, healthy }) => {
          const overlap = running / 10 < 0.9 ? matched / 96 : 0
          return healthy ? 0.7 * overlap + (1 - 0.7) * (1 - running / 10) : -1
        })
        const chosen = summary(router.route(request, cluster))
        if (scores.every((score) => score === -1)) expect(chosen).toBe('no_available_backend')
        else expect(scores[chosen as number]).toBeCloseTo(Math.max(...scores), 12)
      }
      decide()
      for (const [place, changed] of changes) {
        states[place % states.length] = changed
        decide()
      }
    }),
    { numRuns: 500 },
  )
})
