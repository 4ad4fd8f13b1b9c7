import { expect, test } from 'vitest'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { prefixAware } from './prefix-aware.js'

// maxQueueDepth 10 and blockTokens 16, so L = outstanding / 10; w = 0.8 unless given.
test.each([
  // 0.8 + 0.2 * 0.2 = 0.84 beats 0.2.
  { why: 'the holder wins though it has 8 of 10', running: [0, 8], matched: [0, 48], expected: 1 },
  // At L = 0.9 the prefix stops counting: 0.02 against 0.2.
  { why: 'a holder at max_load loses', running: [0, 9], matched: [0, 48], expected: 0 },
  {
    why: 'a higher max_load lets it win',
    running: [0, 9],
    matched: [0, 48],
    max_load: 0.95,
    expected: 1,
  },
  // 0.82 against 0.86.
  { why: 'of two holders the less loaded', running: [9, 7, 5], matched: [48, 48, 48], expected: 2 },
  { why: 'half a prefix is none', running: [0, 1], matched: [0, 32], expected: 0 },
  // 50 declared tokens are 3 whole blocks of 16.
  {
    why: 'the prefix is floored to blocks',
    running: [0, 1],
    matched: [0, 48],
    prefix: 50,
    expected: 1,
  },
  {
    why: 'less than a block can not be held',
    running: [0, 1],
    matched: [15, 15],
    prefix: 15,
    expected: 0,
  },
  // 99 of 100 prompt tokens can be reused, which are 6 blocks.
  {
    why: 'the last token never matches',
    running: [0, 1],
    matched: [0, 96],
    prefix: 100,
    expected: 1,
  },
  // 0.05 + 0.95 * 0.2 = 0.24 against 0.95.
  {
    why: 'a small weight prefers a short queue',
    running: [0, 8],
    matched: [0, 48],
    cache_weight: 0.05,
    expected: 0,
  },
  { why: 'load is capped at 1', running: [50, 20], matched: [0, 0], expected: 0 },
  {
    why: 'without a prefix, the least outstanding',
    running: [2, 1],
    matched: [48, 0],
    prefix: 0,
    expected: 1,
  },
  { why: 'all equal', running: [1, 1, 1], matched: [48, 48, 48], expected: 0 },
])('$why', ({ running, matched, prefix = 48, expected, cache_weight, max_load }) => {
  const router = prefixAware.create({ ties: 'first', cache_weight, max_load })
  const cluster = testCluster(
    running.map((count) => ({ running: count })),
    { matchedTokens: matched },
  )
  expect(summary(router.route(testRequest({ prefixTokens: prefix }), cluster))).toBe(expected)
})

test('a holder that is not available is passed over', () => {
  const router = prefixAware.create()
  const request = testRequest({ prefixTokens: 48 })
  const options = { matchedTokens: [48, 0] }
  expect(summary(router.route(request, testCluster([{ healthy: false }, {}], options)))).toBe(1)
  const full = testCluster([{ waiting: 10 }, { waiting: 10 }], options)
  expect(summary(router.route(request, full))).toBe('no_available_backend')
})
