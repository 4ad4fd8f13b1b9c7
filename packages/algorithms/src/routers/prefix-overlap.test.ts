import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { prefixOverlap } from './prefix-overlap.js'

// maxQueueDepth 10, so L = outstanding / 10; 100 prompt tokens; w = 0.7 unless given.
test.each([
  // 0.7 * 0.64 + 0.3 = 0.748 against 0.7 * 0.96 + 0.3 * 0.8 = 0.912.
  { why: 'more overlap wins', running: [0, 2], matched: [64, 96], expected: 1 },
  // 0.7 * 0.80 + 0.3 * 1.0 = 0.86 against 0.7 * 0.96 + 0.3 * 0.3 = 0.762.
  {
    why: 'a little more overlap does not outweigh a queue',
    running: [0, 7],
    matched: [80, 96],
    expected: 0,
  },
  // 0.3 * 1.0 against 0.7 * 0.96 + 0.3 * 0.2 = 0.732.
  { why: 'under max_load the overlap counts', running: [0, 8], matched: [0, 96], expected: 1 },
  { why: 'at max_load it does not', running: [0, 9], matched: [0, 96], expected: 0 },
  { why: 'load is capped at 1', running: [50, 20], matched: [0, 96], expected: 0 },
  {
    why: 'weight 1 looks at overlap only',
    running: [0, 8],
    matched: [32, 48],
    cache_weight: 1,
    expected: 1,
  },
  {
    why: 'weight 0 looks at load only',
    running: [1, 0],
    matched: [96, 0],
    cache_weight: 0,
    expected: 1,
  },
  {
    why: 'without a prefix, the least outstanding',
    running: [2, 1],
    matched: [96, 0],
    prefix: 0,
    expected: 1,
  },
  { why: 'all equal', running: [1, 1], matched: [32, 32], expected: 0 },
])('$why', ({ running, matched, prefix = 48, expected, cache_weight }) => {
  const router = prefixOverlap.create({ ties: 'first', cache_weight })
  const cluster = testCluster(
    running.map((count) => ({ running: count })),
    { matchedTokens: matched },
  )
  expect(summary(router.route(testRequest({ prefixTokens: prefix }), cluster))).toBe(expected)
})

test('a holder that is not available is passed over', () => {
  const router = prefixOverlap.create()
  const request = testRequest({ prefixTokens: 48 })
  const options = { matchedTokens: [96, 0] }
  expect(summary(router.route(request, testCluster([{ waiting: 10 }, {}], options)))).toBe(1)
  const down = testCluster([{ healthy: false }, { healthy: false }], options)
  expect(summary(router.route(request, down))).toBe('no_available_backend')
})
