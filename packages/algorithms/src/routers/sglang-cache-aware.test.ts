import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { sglangCacheAware } from './sglang-cache-aware.js'

const struct = { preset: 'rust_struct' }

/** After [1, 4] went to 1 and [2, 7] to 2, where a prompt goes under some loads. */
function decided(ids: number[], counts: number[], parameters = {}, nowMs = 1): number | string {
  const router = sglangCacheAware.create(parameters)
  router.route(testPrompt([1, 4]), testCluster(loads(-1, 0, -1)))
  router.route(testPrompt([2, 7]), testCluster(loads(-1, -1, 0)))
  return summary(router.route(testPrompt(ids), testCluster(loads(...counts), { nowMs })))
}

test.each([
  ['unknown: the fewest requests', [3], [2, 1, 2], {}, 1],
  ['unknown, all equal: the first', [3], [0, 0, 0], {}, 0],
  ['known whole', [1, 4], [0, 9, 0], {}, 1],
  ['known whole, elsewhere', [2, 7], [0, 0, 9], {}, 2],
  ['half known, above 0.3', [1, 5], [0, 9, 0], {}, 1],
  ['half known, not above 0.5', [1, 5], [0, 9, 0], struct, 0],
  ['two thirds known, above 0.5', [1, 4, 13], [0, 9, 0], struct, 1],
  ['a third known, above 0.3', [1, 5, 16], [0, 9, 0], {}, 1],
  ['a quarter known', [1, 5, 16, 49], [0, 9, 0], {}, 0],
  ['at the threshold is not above it', [1, 5], [0, 9, 0], { cache_threshold: 0.5 }, 0],
  ['a difference of 64 is balanced', [1, 4], [0, 64, 0], {}, 1],
  ['65 is not', [1, 4], [0, 65, 0], {}, 0],
  ['a ratio of 1.5 is balanced: 195 and 130', [1, 4], [130, 195, 150], {}, 1],
  ['just above is not', [1, 4], [130, 196, 150], {}, 0],
  ['32 is balanced for the struct', [1, 4], [0, 32, 0], struct, 1],
  ['33 is not', [1, 4], [0, 33, 0], struct, 0],
  ['one that is down counts for balance', [1, 4], [-1, 65, 66], {}, 1],
  ['the owner is down: the first that is not', [1, 4], [9, -1, 0], {}, 0],
  ['nobody', [1, 4], [-1, -1, -1], {}, 'no_available_backend'],
  ['the smallest tree', [3], [5, 0, 0], { miss: 'smallest_tree' }, 0],
  ['any of the others has a larger one', [3], [-1, 0, 0], { miss: 'smallest_tree' }, 1],
] as const)('%s', (_, ids, counts, parameters, expected) => {
  expect(decided([...ids], [...counts], parameters)).toBe(expected)
})

const smg = { preset: 'smg' }

describe('the gate for the request', () => {
  test.each([
    ['known whole', [1, 4], [0, 9, 0], 1],
    ['a hot backend elsewhere changes nothing', [1, 4], [0, 9, 999], 1],
    ['64 above the mean is not too many', [1, 4], [0, 96, 0], 1],
    ['96.5 above it is', [1, 4], [0, 97, 0], 0],
    ['half as much again is not too many: 600 and a mean of 400', [1, 4], [300, 600, 300], 1],
    ['just above is', [1, 4], [298, 602, 300], 0],
    ['one that is down does not count for the mean', [1, 4], [-1, 128, 0], 1],
    ['with it 129 are too many', [1, 4], [-1, 129, 0], 2],
    ['unknown: the fewest requests', [3], [2, 1, 2], 1],
    ['half known, above 0.3', [1, 5], [0, 9, 0], 1],
    ['a quarter known', [1, 5, 16, 49], [0, 9, 0], 0],
    ['the owner is down: the fewest requests', [1, 4], [9, -1, 0], 2],
    ['nobody', [1, 4], [-1, -1, -1], 'no_available_backend'],
  ] as const)('%s', (_, ids, counts, expected) => {
    expect(decided([...ids], [...counts], smg)).toBe(expected)
  })

  test('where a request spills, the prefix has a second owner: the least loaded takes the next', () => {
    const router = sglangCacheAware.create(smg)
    const goes = (...counts: number[]) =>
      summary(router.route(testPrompt([1, 4]), testCluster(loads(...counts))))
    expect([goes(-1, 0, -1), goes(0, 200, 9), goes(5, 4, 0), goes(4, 5, 0)]).toEqual([1, 0, 1, 0])
  })

  test('with the last owner, that one takes it', () => {
    const router = sglangCacheAware.create({ gate: 'request' })
    const goes = (...counts: number[]) =>
      summary(router.route(testPrompt([1, 4]), testCluster(loads(...counts))))
    expect([goes(-1, 0, -1), goes(0, 200, 9), goes(5, 4, 0)]).toEqual([1, 0, 0])
  })
})

test('a backend that is down makes the fleet look out of balance', () => {
  const router = sglangCacheAware.create()
  router.route(testPrompt([1, 4]), testCluster(loads(-1, 0)))
  const states = [{ running: 5 }, { running: 70 }, { healthy: false, running: 0 }]
  // 70 - 5 = 65 with or without it; what it does is the ratio, which 50 and 70 would not reach.
  expect(summary(router.route(testPrompt([1, 4]), testCluster(states)))).toBe(0)
  states[0] = { running: 50 }
  expect(summary(router.route(testPrompt([1, 4]), testCluster(states)))).toBe(0)
  expect(summary(router.route(testPrompt([1, 4]), testCluster(states.slice(0, 2))))).toBe(0)
})

describe('the tree', () => {
  test('has nothing of a backend that is gone: the fewest requests', () => {
    expect(decided([2, 7], [5, 0])).toBe(1)
  })

  test('follows the backend that was sent the prefix last', () => {
    const router = sglangCacheAware.create()
    router.route(testPrompt([1, 4]), testCluster(loads(0, 9)))
    router.route(testPrompt([1, 4]), testCluster(loads(99, 9)))
    expect(summary(router.route(testPrompt([1, 4]), testCluster(loads(0, 60))))).toBe(1)
  })

  test('is cut to its budget at the interval, not before', () => {
    const parameters = { max_tree_tokens: 1, eviction_interval_sec: 10 }
    expect(decided([1, 4], [0, 9, 0], parameters, 9999)).toBe(1)
    expect(decided([1, 4], [0, 9, 0], parameters, 10_000)).toBe(0)
  })

  test('is not learnt from a detour around a backend that is down', () => {
    const router = sglangCacheAware.create()
    router.route(testPrompt([1, 4]), testCluster(loads(9, 0)))
    expect(summary(router.route(testPrompt([1, 4]), testCluster(loads(0, -1))))).toBe(0)
    expect(summary(router.route(testPrompt([1, 4]), testCluster(loads(0, 9))))).toBe(1)
    expect(router.customMetrics?.()).toEqual({ tree_nodes: 2 })
  })
})

test('one request at a time with distinct prompts: all to backend 0, or a quarter each', () => {
  const shares = (ties: string) => {
    const router = sglangCacheAware.create({ ties })
    const cluster = testCluster(loads(0, 0, 0, 0))
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 4000; i++) {
      const decision = router.route(testPrompt([i]), cluster)
      if (decision.kind === 'backend') counts[decision.id]!++
    }
    return counts
  }
  expect(shares('first')).toEqual([4000, 0, 0, 0])
  for (const share of shares('random')) expect(Math.abs(share - 1000)).toBeLessThan(120)
})
