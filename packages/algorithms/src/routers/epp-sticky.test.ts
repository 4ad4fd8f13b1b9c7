import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest, testUsage } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { eppSticky } from './epp-sticky.js'

// A holder has at least 0.8 of the prompt; among those kept, the fewest uncached tokens or requests of its own.
decisionTable(
  eppSticky,
  `
  backends        | request    | parameters                 | draws | choice               | why
  -, -            |            |                            |       | 0                    | all equal
  -, -            |            |                            | 1     | 1                    | all equal, at random
  -, -, -         |            | ties=rotate                |       | 0                    | all equal, in turn: the first turn
  -, m80          |            |                            |       | 1                    | a holder of 80 of 100 tokens
  -, m79          |            |                            |       | 1                    | 79 make no holder, but fewer uncached tokens
  -, m79          |            | load=requests              |       | 0                    | of which requests know nothing
  -, m80          |            | load=requests              |       | 1                    | 80 do
  -, m159         | prompt=200 | load=requests              |       | 0                    | 159 of 200 do not
  -, m160         | prompt=200 | load=requests              |       | 1                    | 160 of 200 do
  -, m80, m96     |            |                            |       | 2                    | of two holders the one with less to compute
  -, m80, m96     |            | load=requests              |       | 1                    | by requests they are equal
  -, m96, m96     |            |                            |       | 1                    | two equal holders
  -, m96, m96     |            |                            | 1     | 2                    | two equal holders, at random
  -, m49          |            | affinity=0.5 load=requests |       | 0                    | 49 are under a half
  -, m50          |            | affinity=0.5 load=requests |       | 1                    | 50 are not
  m10, m20        |            | affinity=0                 |       | 1                    | all hold: the fewest uncached tokens
  m98, m99        |            | affinity=1 load=requests   |       | 0                    | nobody holds all of it
  m99, m100       |            | affinity=1 load=requests   |       | 1                    | one does
  -, r90 m80      |            |                            |       | 1                    | what others run is unseen
  -, m10, x m96   |            |                            |       | 1                    | the holder is down
  -, m10, w10 m96 |            |                            |       | 1                    | the holder is full
  x               |            |                            |       | no_available_backend | all down
                  |            |                            |       | no_available_backend | no backends
`,
)

test.each([
  // A backlog of 1000 tokens at 100 a second is 10 s; the penalty must be above that to hold.
  [9999, 1],
  [10_000, 0],
  [0, 0],
])('with a penalty of %i ms a backlog of 10 s leads to %i', (max_penalty_ms, expected) => {
  const router = eppSticky.create({ max_penalty_ms, prefill_tokens_per_sec: 100, ties: 'first' })
  const first = testRequest({ id: 5, promptTokens: 1000 })
  const cluster = testCluster(loads(0, 0))
  const decision = router.route(first, cluster)
  expect(summary(decision)).toBe(0)
  router.onDispatched?.(first, cluster.backends[0]!, cluster, cluster.backends[0]!)
  const holder = testCluster(loads(0, 0), { matchedTokens: [100, 0] })
  expect(summary(router.route(testRequest({ id: 1 }), holder))).toBe(expected)
  router.onFirstToken?.(first, cluster.backends[0]!, cluster)
  expect(summary(router.route(testRequest({ id: 1 }), holder))).toBe(0)
})

test('by requests, those of its own count until they end', () => {
  const router = eppSticky.create({ load: 'requests', ties: 'first' })
  const cluster = testCluster(loads(0, 0, 0))
  const send = (id: number) => {
    const request = testRequest({ id })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
    return summary(decision)
  }
  expect([send(10), send(11), send(12), send(13)]).toEqual([0, 1, 2, 0])
  router.onFirstToken?.(testRequest({ id: 11 }), cluster.backends[1]!, cluster)
  router.onFinished?.(testRequest({ id: 12 }), cluster.backends[2]!, cluster, testUsage())
  expect([send(14), send(15)]).toEqual([2, 1])
})

test.each([
  // 256 of 300 tokens are 4 blocks of 5, 192 are 3.
  [256, 1],
  [255, 0],
])(
  'what was sent is held by blocks of 64 tokens: a common beginning of %i leads to %i',
  (tokens, expected) => {
    const router = eppSticky.create({ preset: 'llm_d_decode_bound', ties: 'first' })
    const prompt = testPrompt([1], { promptTokens: 300 }, tokens)
    expect(summary(router.route(prompt, testCluster(loads(-1, 0))))).toBe(1)
    expect(summary(router.route(prompt, testCluster(loads(0, 0))))).toBe(expected)
  },
)
