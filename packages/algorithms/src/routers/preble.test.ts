import type { RoutingAlgorithm } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testUsage } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { preble } from './preble.js'

// Runs have 16 tokens: p = 1.93 ms of prefill. s is what run 1 costs each that has it, which all have from the ninth row
// on, and t what 20 tokens cost, the whole of a prompt that begins like no other; a request under way costs 6750 ms.
decisionTable(
  preble,
  `
  backends   | request               | parameters | draws | choice               | why
  -, -, -    | ids=1 prompt=20       |            |       | 0                    | nothing known, all equal
  -, -, -    | ids=1 prompt=20       |            |       | 0                    | 16 known, 4 new: its holder
  r9, -, -   | ids=1 prompt=20       |            |       | 0                    | a single holder, whatever its load
  -, -, -    | ids=1 prompt=32       |            |       | 1                    | 16 known, 16 new is not less: lowest cost
  -, -, -    | ids=1 prompt=31       |            |       | 0                    | 15 new: two holders at equal cost
  r1, -, -   | ids=1 prompt=31       |            |       | 1                    | the holder with the lower cost
  x, -, -    | ids=1 prompt=31       |            |       | 1                    | a holder is down
  x, x, -    | ids=1 prompt=31       |            |       | 2                    | both are down: nothing known
  r1, r1, -  | ids=1 prompt=31       |            |       | 2                    | which holds it from then on
  -, -, -    | ids=1 prompt=31       |            |       | 0                    | three holders at equal cost
  -, -, -    | ids=2 prompt=20       |            |       | 0                    | new, s each
  -, -, -    | ids=3 prompt=20       |            |       | 1                    | s + t against s
  -, -, -    | ids=40 prompt=20      |            |       | 2                    | only 2 has s alone
  r1, r1, r2 | ids=50 prompt=20      |            |       | 0                    | s + t and 6750 for two
  r1, -, r1  | ids=51 prompt=20      |            |       | 1                    | the only one without a request
  w10, -, -  | ids=2 prompt=20       |            |       | 2                    | its holder is full: s + 2t against s + t
  x, x, x    | ids=1 prompt=20       |            |       | no_available_backend | all are down
             | ids=1 prompt=20       |            |       | no_available_backend | no backends
  -, -, -    | ids=2,7 prompt=40     |            |       | 0                    | 16 known, 24 new: s + t + 0.6p against s + 2t
  -, -, -    | ids=2,7 prompt=40     |            |       | 0                    | 32 known, 8 new: its holder
  r5, -, -   | ids=2,7 prompt=40     |            |       | 0                    | 2 has but half of it
  x, -, -    | ids=2,7 prompt=40     |            |       | 2                    | half of it is less than is new: s + t + 0.67p against s + 2t
  x, -, -    | ids=2,9 prompt=40     |            |       | 2                    | s + t + 0.75p against s + 2t
  x, -, -    | ids=2,11 prompt=40    |            |       | 1                    | s + 2t against s + t + 1.65p: 24 tokens behind the half are a home
`,
  'story',
)

/** Routes one, says that it was dispatched, and where. */
function sent(
  router: RoutingAlgorithm,
  ids: number[],
  counts: number[],
  nowMs = 0,
  promptTokens = 20,
): number | string {
  const cluster = testCluster(loads(...counts), { nowMs })
  const request = testPrompt(ids, { promptTokens })
  const decision = router.route(request, cluster)
  if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
  return summary(decision)
}

describe('what is known', () => {
  test('is forgotten with the last request of the window', () => {
    const later = (nowMs: number): number | string => {
      const router = preble.create()
      sent(router, [1], [-1, 0])
      return sent(router, [1], [0, 0], nowMs)
    }
    expect(later(179_999)).toBe(1)
    expect(later(180_000)).toBe(0)
  })

  test('is what fits into the cache', () => {
    const after = (capacity_tokens: number): number | string => {
      const router = preble.create({ capacity_tokens })
      for (const run of [1, 2, 3]) sent(router, [run], [-1, 0])
      return sent(router, [1], [0, 5])
    }
    expect(after(60)).toBe(1)
    expect(after(59)).toBe(0)
  })

  test('is what those have that are there, when the holder of more is not', () => {
    const router = preble.create()
    expect(sent(router, [1, 2, 3], [0, -1, -1], 0, 48)).toBe(0)
    expect(sent(router, [1, 2], [-1, -1, 0], 0, 32)).toBe(2)
    // 32 of 48 are more than are new, whatever the load.
    expect(sent(router, [1, 2, 3], [-1, 0, 9], 0, 48)).toBe(2)
  })

  test('of a backend that is gone is nothing', () => {
    const router = preble.create()
    sent(router, [1], [-1, 0])
    const cluster = testCluster(loads(0, -1))
    router.onBackendChange?.(cluster.backends[1]!, 'unhealthy', cluster)
    expect(sent(router, [1], [0, 0])).toBe(0)
  })
})

describe('AIBrix', () => {
  const made = (): RoutingAlgorithm => {
    const router = preble.create({ preset: 'aibrix' })
    sent(router, [1], [-1, 0, -1])
    return router
  }
  test.each([
    ['a difference of 8 leaves prefixes alone', [0, 8, 4], 1],
    ['9 does not: of the fewest the lowest cost', [0, 9, 4], 0],
    ['of the fewest the one that holds it', [9, 0, 0], 1],
    ['one that is down is not the most', [0, 5, -1], 1],
  ])('%s', (_, counts, choice) => {
    expect(sent(made(), [1], counts)).toBe(choice)
  })

  test('out of balance a prompt that nobody has goes to the lowest cost of the fewest requests', () => {
    expect(sent(made(), [2], [9, 4, 0])).toBe(2)
    expect(sent(made(), [2], [9, 0, 0])).toBe(2)
  })

  test('among holders the one with the fewest requests of the window wins, not the cheapest', () => {
    const router = made()
    sent(router, [1], [-1, -1, 0])
    // 2 gets two prompts that are cheap, 1 one that is dear: 2.7 ms a token.
    for (const run of [30, 31]) sent(router, [run], [-1, -1, 0])
    sent(router, [32], [-1, 0, -1], 0, 4000)
    expect(sent(router, [1], [0, 0, 0])).toBe(1)
  })

  test('decoding counts for prefixes, 6750 ms each, not for requests', () => {
    const router = made()
    // 1 has a prefix, 0 nothing but eight requests.
    expect(sent(router, [2], [8, 0, 8])).toBe(0)
  })
})

describe('moving', () => {
  const parameters = { rebalance_after: 0, rebalance_interval_ms: 0, output_tokens: 0 }

  /** Two prefixes on 0, of which the second costs 1.2 p and the first, with one more request, 1.4 p. */
  function uneven(overrides = {}): RoutingAlgorithm {
    const router = preble.create({ ...parameters, ...overrides })
    for (const run of [1, 1, 2, 2]) sent(router, [run], [0, -1])
    expect(sent(router, [1], [0, 0])).toBe(0)
    return router
  }

  test('the cheapest goes, and only as long as the lighter stays lighter', () => {
    const router = uneven()
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 1 })
    expect(sent(router, [2], [0, 0])).toBe(1)
    expect(sent(router, [1], [0, 0])).toBe(0)
  })

  test.each([
    ['never with a ratio of 0', { rebalance_ratio: 0 }],
    ['not before enough requests', { rebalance_after: 3 }],
    ['not before the interval', { rebalance_interval_ms: 1 }],
  ])('%s', (_, overrides) => {
    const router = uneven(overrides)
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 0 })
    expect(sent(router, [2], [0, 0], 0)).toBe(0)
  })

  test('from requests per backend on: the sixth of two', () => {
    const router = uneven({ rebalance_after: 3 })
    sent(router, [1], [0, 0])
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 1 })
  })

  test.each([
    [1, 2],
    [2, 1],
  ])('of two that cost the same the one that came first goes: %i before %i', (first, then) => {
    const router = preble.create(parameters)
    for (const run of [first, first, then, then]) sent(router, [run], [0, -1])
    sent(router, [3], [0, 0])
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 1 })
    expect([sent(router, [first], [0, 0]), sent(router, [then], [0, 0])]).toEqual([1, 0])
  })

  test('a prefix with requests under way costs as much more: it is left, and one without goes', () => {
    const router = preble.create({ ...parameters, output_tokens: 1, tpot_ms: 1000 })
    for (const [id, run] of [1, 1, 2, 2].entries()) {
      const cluster = testCluster(loads(id, -1))
      const request = testPrompt([run], { id })
      const decision = router.route(request, cluster)
      if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
      if (run === 1) router.onFinished?.(request, cluster.backends[0]!, cluster, testUsage())
    }
    // Two seconds of decoding against none. With the two requests of 2, the heavier would become the lighter.
    router.route(testPrompt([3], { id: 4 }), testCluster(loads(2, 0)))
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 1 })
    expect(sent(router, [1], [0, 0])).toBe(1)
    expect(sent(router, [2], [0, 0])).toBe(0)
  })

  test('a chain of turns stays', () => {
    const router = preble.create(parameters)
    for (const run of [1, 1, 2, 2]) sent(router, [run], [0, -1])
    for (const turn of [
      [1, 50],
      [1, 50, 51],
      [1, 50, 51, 52],
    ]) {
      sent(router, turn, [0, -1], 0, 16 * turn.length)
    }
    // Three nodes below run 1, which is the home of all of it.
    expect(sent(router, [1, 50, 51, 52], [0, 0], 0, 64)).toBe(0)
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 0 })
    expect(sent(router, [1, 50, 51], [0, 0], 0, 48)).toBe(0)
    expect(router.customMetrics?.()).toMatchObject({ preble_moves: 1 })
  })

  /** One prefix on 0, whose TTFTs are 100 ms in the first half of the window and then so many. */
  function single(lateMs: number): unknown {
    const router = preble.create(parameters)
    const finish = (nowMs: number, ttftMs: number): void => {
      const cluster = testCluster(loads(0, 0), { nowMs })
      const request = testPrompt([1], { promptTokens: 20 })
      router.onFinished?.(request, cluster.backends[0]!, cluster, testUsage({ ttftMs }))
    }
    for (const second of [1, 2, 100, 101]) {
      expect(sent(router, [1], [0, 0], second * 1000)).toBe(0)
      finish(second * 1000 + 500, second < 50 ? 100 : lateMs)
    }
    sent(router, [1], [0, 0], 110_000)
    return router.customMetrics?.()['preble_moves']
  }

  test('a single prefix is given to both when its TTFT has doubled', () => {
    expect(single(199)).toBe(0)
    expect(single(200)).toBe(1)
  })
})
