import { expect, test } from 'vitest'
import { decide, loads } from '../testing/decide.js'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { eppSticky } from './epp-sticky.js'

test.each([
  ['all equal', { states: loads(0, 0) }, 0],
  ['a holder of 80 of 100 tokens', { states: loads(0, 0), matched: [0, 80] }, 1],
  ['79 make no holder, but fewer uncached tokens', { states: loads(0, 0), matched: [0, 79] }, 1],
  [
    '79 make no holder: fewest requests know nothing of them',
    { states: loads(0, 0), matched: [0, 79], parameters: { load: 'requests' } },
    0,
  ],
  ['80 do', { states: loads(0, 0), matched: [0, 80], parameters: { load: 'requests' } }, 1],
  ['of two holders the better', { states: loads(0, 0, 0), matched: [0, 80, 96] }, 2],
  ['two equal holders', { states: loads(0, 0, 0), matched: [0, 96, 96] }, 1],
  ['the holder is down', { states: loads(0, 0, -1), matched: [0, 10, 96] }, 1],
  ['what others run is unseen', { states: loads(0, 90), matched: [0, 80] }, 1],
  ['all are down', { states: loads(-1) }, 'no_available_backend'],
  ['none', { states: [] }, 'no_available_backend'],
] as const)('%s', (_, row, expected) => {
  expect(decide(eppSticky, row)).toBe(expected)
})

test.each([
  // A backlog of 1000 tokens at 100 a second is 10 s; the penalty must be above that to hold.
  [9999, 1],
  [10_000, 0],
  [0, 0],
])('with a penalty of %i ms a backlog of 10 s leads to %i', (max_penalty_ms, expected) => {
  const router = eppSticky.create({ max_penalty_ms, prefill_tokens_per_sec: 100, ties: 'first' })
  const first = testRequest({ id: 0, promptTokens: 1000 })
  const cluster = testCluster(loads(0, 0))
  const decision = router.route(first, cluster)
  expect(summary(decision)).toBe(0)
  router.onDispatched?.(first, cluster.backends[0]!, cluster, cluster.backends[0]!)
  const holder = testCluster(loads(0, 0), { matchedTokens: [100, 0] })
  expect(summary(router.route(testRequest({ id: 1 }), holder))).toBe(expected)
  router.onFirstToken?.(first, cluster.backends[0]!, cluster)
  expect(summary(router.route(testRequest({ id: 1 }), holder))).toBe(0)
})
