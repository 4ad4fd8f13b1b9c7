import type { RoutingAlgorithm } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { rayPrefixAffinity } from './ray-prefix-affinity.js'

// Trees grow by 16 tokens with each run that is new to a backend, and by what a prompt has after its runs; their sizes are
// in the comments of `why`.
decisionTable(
  rayPrefixAffinity,
  `
  backends   | request               | parameters | draws | choice               | why
  -, -, -    | ids=1 prompt=160      |            |       | 0                    | nothing known, no trees
  -, -, -    | ids=1 prompt=160      |            |       | 0                    | 16 of 160 are a tenth, which is enough
  -, -, -    | ids=1 prompt=161      |            |       | 1                    | just less is not: the smallest tree (304, 0, 0)
  r9, r9, -  | ids=1 prompt=160      |            |       | 0                    | owners 0 and 1, equally loaded
  r9, r8, -  | ids=1 prompt=160      |            |       | 1                    | the owner with fewer requests, not the idle third
  -, -, r50  | ids=2 prompt=160      |            |       | 2                    | the smallest tree whatever its load (448, 305, 0)
  -, -, -    | ids=1,4 prompt=160    |            |       | 0                    | half known, by 0 and 1
  r5, -, -   | ids=1,4 prompt=160    |            |       | 0                    | the longest known beginning goes first
  x, -, -    | ids=1,4 prompt=160    |            |       | 1                    | its owner is down: those of half of it
  r5, -, -   | ids=1,4 prompt=160    |            |       | 1                    | two own all of it
  -, -, -    | ids=3 prompt=560      |            |       | 2                    | smallest tree (720, 577, 160)
  -, -, -    | ids=9 prompt=143      |            |       | 1                    | smallest tree (720, 577, 720)
  r1, r2, r1 | ids=10 prompt=160     |            |       | 0                    | trees of equal size (720 each): fewest requests, first
  r1, w10, - | ids=11 prompt=160     |            |       | 2                    | the smallest that is not full (880, 720, 720)
  -, x, x    | ids=12 prompt=160     |            |       | 0                    | one is left
  -, -, -    | ids=20 prompt=160     |            |       | 1                    | smallest tree (1040, 720, 880)
  x, x, x    | ids=1 prompt=160      |            |       | no_available_backend | all are down
             | ids=1 prompt=160      |            |       | no_available_backend | no backends
  -, -, -    | ids=2,7 prompt=100    |            |       | 2                    | 16 of 100
  -, -, r99  | ids=2,7 prompt=100    |            |       | 2                    | no load makes it leave
  -, -, x    | ids=2,7 prompt=100    |            |       | 1                    | its owner is down: smallest tree (1040, 880, 1032)
  -, -, -    | ids=30 prompt=160     |            |       | 1                    | smallest tree (1040, 980, 1032)
  -, -, -    | ids=31 prompt=160     |            |       | 2                    | smallest tree (1040, 1140, 1032)
  r1, r1, r1 | ids=32 prompt=160     |            |       | 0                    | smallest tree (1040, 1140, 1192)
`,
  'story',
)

function routed(router: RoutingAlgorithm, ids: number[], counts: number[], nowMs = 0) {
  return summary(router.route(testPrompt(ids), testCluster(loads(...counts), { nowMs })))
}

describe('out of balance', () => {
  const router = (): RoutingAlgorithm => {
    const made = rayPrefixAffinity.create({ preset: 'ray_docs' })
    routed(made, [1], [0, -1])
    return made
  }
  test('is more than the threshold, not the threshold', () => {
    expect(routed(router(), [1], [10, 0])).toBe(0)
    expect(routed(router(), [1], [11, 0])).toBe(1)
  })
  test('looks at those that are available', () => {
    expect(routed(router(), [1], [11, -1])).toBe(0)
    expect(routed(router(), [1], [11, -1, 0])).toBe(2)
  })
  test('is the better of two drawn, so that the worst is never taken', () => {
    const made = router()
    const counts = [0, 0, 0, 0]
    // What was known of the first when it was idle counts no more.
    const before = testCluster(loads(0, 30, 30, 30))
    for (let i = 0; i < 20; i++) made.route(testPrompt([1]), before)
    const cluster = testCluster(loads(30, 1, 2, 3))
    for (let i = 0; i < 4000; i++) counts[Number(summary(made.route(testPrompt([1]), cluster)))]!++
    // Of six pairs three have 1 as their better, two have 2, one has 3.
    expect(counts[0]).toBe(0)
    for (const [i, share] of [3, 2, 1].entries()) {
      expect(Math.abs(counts[i + 1]! - (4000 * share) / 6)).toBeLessThan(150)
    }
  })
  test('teaches the tree even so', () => {
    const made = router()
    routed(made, [1], [11, 0])
    expect(routed(made, [1], [1, 0])).toBe(1)
  })
})

test('nothing known is not enough, even where nothing has to be', () => {
  const made = rayPrefixAffinity.create({ match_rate_threshold: 0, ties: 'first' })
  expect(routed(made, [1], [-1, 0])).toBe(1)
  expect(routed(made, [2], [5, 0])).toBe(0)
})

test('evicts at the interval what is above the threshold, down to the target', () => {
  const parameters = { eviction_threshold_tokens: 48, eviction_target_tokens: 16 }
  const later = (nowMs: number, runs: number): number | string => {
    const made = rayPrefixAffinity.create({ ...parameters, ties: 'first' })
    for (let i = 0; i < runs; i++) routed(made, [i], [-1, 0])
    return routed(made, [0], [0, 0], nowMs)
  }
  expect(later(9_999, 4)).toBe(1)
  expect(later(10_000, 4)).toBe(0)
  // 48 tokens are not above it.
  expect(later(10_000, 3)).toBe(1)
})

test('evicts what a prompt had for itself, and the prompt before it goes as a whole', () => {
  const parameters = { eviction_threshold_tokens: 100, eviction_target_tokens: 90, ties: 'first' }
  const made = rayPrefixAffinity.create(parameters)
  const send = (ids: number[], promptTokens: number, counts: number[], nowMs = 0) =>
    summary(made.route(testPrompt(ids, { promptTokens }), testCluster(loads(...counts), { nowMs })))
  send([1, 2], 40, [-1, 0])
  send([3], 40, [-1, 0])
  send([1], 40, [-1, 0])
  // Of 104 tokens, run 2 and the 8 after it were used longest ago: 80 are left.
  expect(send([3], 40, [0, 0], 10_000)).toBe(1)
  expect(send([1, 2], 300, [0, 0], 10_000)).toBe(0)
  expect(send([1], 40, [9, 9], 10_000)).toBe(0)
})

test('forgets a backend that dies', () => {
  const made = rayPrefixAffinity.create({ ties: 'first' })
  routed(made, [1], [-1, 0])
  const cluster = testCluster(loads(0, -1))
  made.onBackendChange?.(cluster.backends[1]!, 'unhealthy', cluster)
  expect(routed(made, [1], [0, 0])).toBe(0)
  expect(made.customMetrics?.()).toEqual({ tree_nodes: 1 })
})

test('keeps what it knows of a backend that is well', () => {
  const made = rayPrefixAffinity.create({ ties: 'first' })
  routed(made, [1], [-1, 0])
  const cluster = testCluster(loads(0, 0))
  made.onBackendChange?.(cluster.backends[1]!, 'healthy', cluster)
  expect(routed(made, [1], [0, 0])).toBe(1)
})
