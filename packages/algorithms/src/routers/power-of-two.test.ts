import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { powerOfTwo } from './power-of-two.js'

// Of n available ones the draws are i below n and then j below n - 1, which stands for j + 1 from i on.
decisionTable(
  powerOfTwo,
  `
  backends       | parameters           | draws | choice               | why
  r3, w1 r1      |                      | 0, 0  | 1                    | the second drawn has fewer
  r3, w1 r1      |                      | 1, 0  | 1                    | the first drawn has fewer
  r2, w2         |                      | 0, 0  | 0                    | a tie: the first drawn
  r2, w2         |                      | 1, 0  | 1                    | a tie: the first drawn, here the higher id
  r2, w2         | ties=first           | 1, 0  | 0                    | a tie: the lower id when asked for
  r2, w2         | ties=first           | 0, 0  | 0                    | whichever was drawn first
  -, r1, r2, r3  |                      | 2, 2  | 2                    | backends 2 and 3
  -, r1, r2, r3  |                      | 3, 0  | 0                    | backends 3 and 0
  -, r1, r2, r3  |                      | 1, 1  | 1                    | backends 1 and 2
  -, r1, r2, r3  |                      | 3, 2  | 2                    | backends 3 and 2: the idle one is not drawn
  r5, r5, -      |                      | 0, 0  | 0                    | equals are taken though a third is idle
  x, r9, x, r8   |                      | 0, 0  | 3                    | those that are down are never drawn
  x, r9, w10, r9 |                      | 1, 0  | 3                    | nor those that are full
  w10, r9        |                      |       | 1                    | one available: no draw
  -              |                      |       | 0                    | one at all: no draw
  o0 r5, o9 r4   |                      | 0, 0  | 0                    | its own account, not metrics
  o0 r5, o9 r4   | load=polled          | 0, 0  | 1                    | metrics when asked for
  w2 r2, r5      | load=polled          | 1, 0  | 0                    | of which waiting ones are a part
  r4 s2, r5      | load=polled          | 0, 0  | 0                    | what was sent since is not seen
  r4 s2, r5      | load=polled_and_sent | 0, 0  | 1                    | or is, 6 against 5
  r4 s1, r5      | load=polled_and_sent | 1, 0  | 1                    | 5 against 5: the first drawn
  r4 s1, r5      | load=polled_and_sent | 0, 0  | 0                    | 5 against 5 the other way round
  r3, w1 r1      | replacement=true     | 0, 0  | 0                    | the same drawn twice
  r3, w1 r1      | replacement=true     | 0, 1  | 1                    | two that differ
  -, r1, r2      | replacement=true     | 2, 1  | 1                    | of three: the second draw is a place as the first is
  r2, w2         | preset=envoy         | 1, 0  | 1                    | Envoy: the first drawn wins a tie
  o5 r0, o4 r9   | preset=ray           | 0, 0  | 1                    | Ray: five under way are too many, though nothing is known of them
  o4 r3, o4 r9   | preset=ray           | 1, 0  | 0                    | with room in both, the shorter queue
  o5, o5         | preset=ray           | 0, 0  | hold                 | no room in either: it draws anew
  o5, o4, o5     | preset=ray           | 0, 1  | hold                 | the one with room was not drawn
  o5             | preset=ray           |       | hold                 | one alone, without room
  o4             | preset=ray           |       | 0                    | one alone
  x, x           |                      |       | no_available_backend | all down
  w10, x         |                      |       | no_available_backend | full or down
                 |                      |       | no_available_backend | no backends
`,
)

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
