import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { decide, loads, queues } from '../testing/decide.js'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { lmetric } from './lmetric.js'
import { productionStackLoadAware } from './production-stack-load-aware.js'
import { smgLeastLoad } from './smg-least-load.js'
import { ttftMin } from './ttft-min.js'
import { vllmDataParallel } from './vllm-data-parallel.js'

test.each([
  ['one waiting is four running', [{ waiting: 1 }, { running: 4 }], 0],
  ['one waiting is worse than three', [{ waiting: 1 }, { running: 3 }], 1],
  ['both count', [{ waiting: 1, running: 1 }, { running: 4 }], 1],
  ['all equal', loads(2, 2), 0],
  ['the best is down', loads(-1, 9), 1],
  ['none', [], 'no_available_backend'],
] as const)('vllm_data_parallel: %s', (_, states, expected) => {
  expect(decide(vllmDataParallel, { states })).toBe(expected)
})

test.each([
  // 0.512 s for each that waits; 0.15 k / (1 - k) for usage k.
  ['all equal', loads(0, 0), 0],
  ['a shorter queue', queues(2, 1), 1],
  ['half full is 0.15 s, less than one waiting', [{ waiting: 1 }, { kvUsage: 0.5 }], 1],
  ['0.75 is 0.45 s, still less', [{ waiting: 1 }, { kvUsage: 0.75 }], 1],
  ['0.8 is 0.6 s, more', [{ waiting: 1 }, { kvUsage: 0.8 }], 0],
  ['full is 149.85 s, not for ever', [{ kvUsage: 1 }, { kvUsage: 0.999 }], 0],
  ['running requests do not count', loads(9, 0), 0],
  ['the best is down', [{ healthy: false }, { kvUsage: 1 }], 1],
  ['none', [], 'no_available_backend'],
] as const)('smg_least_load: %s', (_, states, expected) => {
  expect(decide(smgLeastLoad, { states })).toBe(expected)
})

test.each([
  // (100 - m) (n + 1)
  ['all equal', { states: loads(0, 0) }, 0],
  [
    'half cached is worth one request: 100 and 50 x 2, fewer requests first',
    { states: loads(0, 1), matched: [0, 50] },
    0,
  ],
  ['more than half is worth more', { states: loads(0, 1), matched: [0, 51] }, 1],
  ['less is not', { states: loads(0, 1), matched: [0, 49] }, 0],
  ['fewer requests first, whatever the order', { states: loads(1, 0), matched: [50, 0] }, 1],
  ['all cached costs nothing', { states: loads(90, 0), matched: [100, 99] }, 0],
  [
    'queued prompts count if told to',
    {
      states: [{ pendingPromptTokens: 60 }, {}],
      matched: [50, 0],
      parameters: { counts_queued: true },
    },
    1,
  ],
  ['and not otherwise', { states: [{ pendingPromptTokens: 60 }, {}], matched: [50, 0] }, 0],
  ['the best is down', { states: loads(-1, 5) }, 1],
  ['none', { states: [] }, 'no_available_backend'],
] as const)('lmetric: %s', (_, row, expected) => {
  expect(decide(lmetric, row)).toBe(expected)
})

test.each([
  ['all equal', { states: loads(0, 0) }, 0],
  ['more cached is sooner', { states: loads(0, 0), matched: [10, 20] }, 1],
  ['the best is down', { states: loads(0, -1), matched: [10, 20] }, 0],
  [
    'too late anywhere: 90 tokens at 100 a second',
    {
      states: loads(0),
      matched: [10],
      parameters: { prefill_tokens_per_sec: 100, ttft_slo_ms: 899 },
    },
    'ttft_slo',
  ],
  [
    'just in time',
    {
      states: loads(0),
      matched: [10],
      parameters: { prefill_tokens_per_sec: 100, ttft_slo_ms: 900 },
    },
    0,
  ],
  ['none', { states: [] }, 'no_available_backend'],
] as const)('ttft_min: %s', (_, row, expected) => {
  expect(decide(ttftMin, row)).toBe(expected)
})

test('ttft_min counts its own uncached tokens until the first token', () => {
  const router = ttftMin.create({ ties: 'first' })
  const cluster = testCluster(loads(0, 0), { matchedTokens: [60, 0] })
  const send = (id: number) => {
    const request = testRequest({ id })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
    return summary(decision)
  }
  // 40 against 100; 80 against 100; 120 against 100; 120 against 200.
  expect([send(0), send(1), send(2), send(3)]).toEqual([0, 0, 1, 0])
  router.onFirstToken?.(testRequest({ id: 2 }), cluster.backends[1]!, cluster)
  // 160 against 100.
  expect(send(4)).toBe(1)
})

test.each([
  // m / 100 - (l - a) / max(1, a)
  ['a cached half', { states: loads(0, 0), matched: [0, 50] }, 1],
  ['equal shares', { states: loads(0, 0), matched: [50, 50] }, 0],
  ['0.5 - 0.5 against 0 + 0.5: mean 0.5', { states: loads(1, 0), matched: [50, 0] }, 1],
  ['1 - 0.5 against 0.5: the first', { states: loads(1, 0), matched: [100, 0] }, 0],
  ['mean 4: 0.6 - 0.25 against 0.25', { states: loads(5, 3), matched: [60, 0] }, 0],
  ['mean 4: 0.4 - 0.25 against 0.25', { states: loads(5, 3), matched: [40, 0] }, 1],
  [
    'the best match whatever its load',
    { states: loads(99, 0), matched: [60, 0], parameters: { preset: 'kv_aware' } },
    0,
  ],
  ['the holder is down', { states: loads(-1, 0), matched: [60, 0] }, 1],
  ['nothing cached: never used goes first', { states: loads(5, 0) }, 0],
  ['none', { states: [] }, 'no_available_backend'],
] as const)('production_stack_load_aware: %s', (_, row, expected) => {
  expect(decide(productionStackLoadAware, row)).toBe(expected)
})

test('kv_aware leaves the cache out of account from 2001 missing tokens on', () => {
  const states = loads(0, 0)
  const parameters = { preset: 'kv_aware' }
  const at = (promptTokens: number) =>
    decide(productionStackLoadAware, {
      states,
      matched: [0, 16],
      request: { promptTokens },
      parameters,
    })
  expect([at(2016), at(2017)]).toEqual([1, 0])
})

test('a ratio alone trips on Poisson noise about one time in five, a margin of 10 hardly ever', () => {
  const random = new RandomStream(11, 'test')
  let ratio = 0
  let margin = 0
  const draws = 40_000
  for (let i = 0; i < draws; i++) {
    let count = 0
    for (let t = random.exponential(1); t < 10; t += random.exponential(1)) count++
    // A mean of 10 in the long run: the bounds of prefix_hash are 12.5 and 20.
    if (count > 10 * 1.25) ratio++
    if (count > Math.max(10 * 1.25, 10 + 10)) margin++
  }
  // P(X >= 13) = 0.208 and P(X >= 21) = 0.0016 for a Poisson variable of mean 10.
  expect(ratio / draws).toBeCloseTo(0.208, 1.7)
  expect(margin / draws).toBeLessThan(0.004)
})
