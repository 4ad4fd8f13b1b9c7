import { type BackendView, RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest, testUsage } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { aibrixLoadBalance } from './aibrix-load-balance.js'

/** Where a request goes at 100 s, after so many have ended on each backend, each second from some time on. */
function after(
  ended: readonly (readonly [count: number, fromMs: number])[],
  states: readonly Partial<BackendView>[],
  parameters: Readonly<Record<string, unknown>> = {},
): number | string {
  const router = aibrixLoadBalance.create({ ties: 'first', ...parameters })
  for (const [id, [count, fromMs]] of ended.entries()) {
    for (let i = 0; i < count; i++) {
      const cluster = testCluster(states, { nowMs: fromMs + 1000 * i })
      router.onFinished?.(testRequest(), cluster.backends[id]!, cluster, testUsage())
    }
  }
  return summary(router.route(testRequest(), testCluster(states, { nowMs: 100_000 })))
}

const LATELY = 60_000

test.each<[string, number | string, number | string]>([
  ['nothing is known: the fewest requests', after([], loads(3, 2, 4)), 1],
  ['all equal: the first', after([], loads(2, 2)), 0],
  // 4 / 4 = 1 against 3 / 2 = 1.5.
  [
    'the fastest for what it has',
    after(
      [
        [4, LATELY],
        [2, LATELY],
      ],
      loads(4, 3),
    ),
    0,
  ],
  // 6 / 4 = 1.5 against 2 / 2 = 1.
  [
    'fast, but with too much',
    after(
      [
        [4, LATELY],
        [2, LATELY],
      ],
      loads(6, 2),
    ),
    1,
  ],
  ['one is as slow as none', after([[1, LATELY]], loads(2, 2)), 0],
  // 3 / 2 = 1.5 against 2 / 1.
  ['two are not', after([[2, LATELY]], loads(3, 2)), 0],
  // What ended at 40 s is a minute old: 3 / 1 against 2 / 1.
  ['a minute later they do not count', after([[2, 39_000]], loads(3, 2)), 1],
  // 39 s is gone, 40 s too; of three that at 41 s is left, as slow as none.
  ['the last of three does', after([[3, 39_000]], loads(3, 2)), 1],
  // 5 / 2 x 10 s in a minute: 5 / 12 against 1 / 1.
  ['a window of 10 s', after([[2, 95_000]], loads(5, 1), { window_sec: 10 }), 0],
  ['older than it', after([[2, 80_000]], loads(5, 1), { window_sec: 10 }), 1],
  ['idle ones are even: the first', after([[9, LATELY]], loads(0, 0)), 0],
  // 0 / 1 against 1 / 9.
  ['an idle one is better than any pace', after([[9, LATELY]], loads(1, 0)), 1],
  [
    'even, whatever the KV usage: the first',
    after(
      [],
      [
        { running: 2, kvUsage: 0.5 },
        { running: 2, kvUsage: 0.4 },
      ],
    ),
    0,
  ],
  [
    'even: the lower KV usage, where it decides',
    after(
      [],
      [
        { running: 2, kvUsage: 0.5 },
        { running: 2, kvUsage: 0.4 },
      ],
      { kv_ties: true },
    ),
    1,
  ],
  [
    'KV usage decides only among the best',
    after(
      [],
      [
        { running: 3, kvUsage: 0 },
        { running: 2, kvUsage: 0.5 },
        { running: 2, kvUsage: 0.4 },
      ],
      { kv_ties: true },
    ),
    2,
  ],
  // 40 / 40 against 20 / 10.
  [
    'a difference of 20 is no imbalance',
    after(
      [
        [40, LATELY],
        [10, 90_000],
      ],
      loads(40, 20),
    ),
    0,
  ],
  // 17 / 40 against 1 / 1: but 17 - 1 is not above 16.
  [
    'with an imbalance of 16, 16 is none',
    after([[40, LATELY]], loads(17, 1), { imbalance: 16 }),
    0,
  ],
  ['17 is one', after([[40, LATELY]], loads(18, 1), { imbalance: 16 }), 1],
  // The fewest are 1: 1 / 1 against 1 / 4.
  [
    'out of balance, the fastest of the least loaded',
    after(
      [
        [40, LATELY],
        [0, LATELY],
        [4, LATELY],
      ],
      loads(18, 1, 1),
      { imbalance: 16 },
    ),
    2,
  ],
  ['an imbalance of 4', after([[40, LATELY]], loads(6, 1), { imbalance: 4 }), 1],
  ['one that is down does not compete', after([[9, LATELY]], [{ healthy: false }, {}]), 1],
  [
    'nor does it make an imbalance',
    after(
      [
        [0, 0],
        [0, 0],
        [9, LATELY],
      ],
      [{ healthy: false }, { running: 20 }, { running: 30 }],
      { imbalance: 16 },
    ),
    2,
  ],
  ['its queue is full', after([[9, LATELY]], [{ waiting: 10 }, { running: 12 }]), 1],
  ['all are down', after([], loads(-1, -1)), 'no_available_backend'],
  ['none', after([], []), 'no_available_backend'],
])('%s', (_why, decision, expected) => {
  expect(decision).toBe(expected)
})

test('equals go anywhere', () => {
  const router = aibrixLoadBalance.create({ preset: 'load_balance' })
  const random = new RandomStream(3, 'router')
  const counts = [0, 0, 0]
  for (let i = 0; i < 3000; i++) {
    const cluster = testCluster([{ kvUsage: 0.3 }, { kvUsage: 0.1 }, { kvUsage: 0.2 }], { random })
    counts[Number(summary(router.route(testRequest(), cluster)))]!++
  }
  for (const count of counts) expect(Math.abs(count / 3000 - 1 / 3)).toBeLessThan(0.03)
})
