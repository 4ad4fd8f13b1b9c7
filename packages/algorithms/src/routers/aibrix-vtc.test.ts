import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { aibrixVtc } from './aibrix-vtc.js'

/** Sends requests of users with so many prompt tokens, worth four each, then asks where one more goes. */
function after(
  sent: readonly (readonly [user: string, promptTokens: number, atMs?: number])[],
  user: string | undefined,
  counts: readonly number[],
  parameters: Readonly<Record<string, unknown>> = {},
  nowMs = 0,
): number | string {
  const router = aibrixVtc.create({ jitter: 0, ...parameters })
  for (const [name, promptTokens, atMs = 0] of sent) {
    const cluster = testCluster(loads(...counts), { nowMs: atMs })
    const [backend] = cluster.backends
    const request = testRequest({ user: name, promptTokens })
    router.onDispatched?.(request, backend!, cluster, backend!)
  }
  const request = testRequest(user === undefined ? {} : { user })
  return summary(router.route(request, testCluster(loads(...counts), { nowMs })))
}

test.each([
  ['nobody has had anything: the first', after([], 'a', [0, 0, 0]), 0],
  // a has 4000 tokens; the middle of the one user is 4000 too: one backend's worth.
  ['one user is one bucket', after([['a', 1000]], 'a', [0, 0, 0]), 1],
  // a 8000, b 4000: the middle is 6000, so a wants place 1.33 and b place 0.67.
  [
    'much: place 1.33',
    after(
      [
        ['a', 2000],
        ['b', 1000],
      ],
      'a',
      [0, 0, 0],
    ),
    1,
  ],
  [
    'little: place 0.67',
    after(
      [
        ['a', 2000],
        ['b', 1000],
      ],
      'b',
      [0, 0, 0],
    ),
    1,
  ],
  // a 36,000, b 400: the middle is 18,200: 1.98 and 0.02.
  [
    'very much',
    after(
      [
        ['a', 9000],
        ['b', 100],
      ],
      'a',
      [0, 0, 0],
    ),
    2,
  ],
  [
    'very little',
    after(
      [
        ['a', 9000],
        ['b', 100],
      ],
      'b',
      [0, 0, 0],
    ),
    0,
  ],
  [
    'somebody new',
    after(
      [
        ['a', 9000],
        ['b', 100],
      ],
      'c',
      [0, 0, 0],
    ),
    0,
  ],
  [
    'not beyond the last',
    after(
      [
        ['a', 9000],
        ['b', 100],
      ],
      'a',
      [0, 0],
    ),
    1,
  ],
  // 400 tokens are 0.4 of the least bucket of 1000.
  ['buckets have at least 1000 tokens', after([['a', 100]], 'a', [0, 0]), 0],
  // Places 0 and 1 from 0.4: 0.4 + 30/100 against 0.6.
  ['load decides between places', after([['a', 100]], 'a', [30, 0]), 1],
  // 0.3 x 0.4 + 0.3 against 0.3 x 0.6, and 0.4 + 0.1 x 0.3 against 0.6.
  ['fairness by its weight', after([['a', 100]], 'a', [30, 0], { fairness_weight: 0.3 }), 1],
  ['load by its weight', after([['a', 100]], 'a', [30, 0], { load_weight: 0.1 }), 0],
  ['load counts up to request_scale', after([], 'a', [900, 0, 0]), 0],
  [
    'places are of those available',
    after(
      [
        ['a', 9000],
        ['b', 100],
      ],
      'a',
      [0, 0, -1],
    ),
    1,
  ],
  ['who names no user goes anywhere: here there is one', after([['a', 9]], undefined, [-1, 0]), 1],
  ['no user, and none is there', after([], undefined, [-1]), 'no_available_backend'],
  ['old tokens do not count', after([['a', 9000]], 'a', [0, 0, 0], { window_sec: 1 }, 1000), 0],
  ['just within', after([['a', 9000]], 'a', [0, 0, 0], { window_sec: 1 }, 999), 1],
  ['none is there', after([], 'a', [-1, -1]), 'no_available_backend'],
])('%s', (_why, found, expected) => {
  expect(found).toBe(expected)
})
