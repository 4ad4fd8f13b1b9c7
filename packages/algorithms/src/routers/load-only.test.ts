import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decide, loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { lmetric } from './lmetric.js'
import { productionStackLoadAware } from './production-stack-load-aware.js'
import { smgLeastLoad } from './smg-least-load.js'
import { ttftMin } from './ttft-min.js'
import { vllmDataParallel } from './vllm-data-parallel.js'

decisionTable(
  vllmDataParallel,
  `
  backends   | parameters       | draws | choice               | why
  w1, r4     |                  |       | 0                    | one waiting is four running
  w1, r3     |                  |       | 1                    | and worse than three
  w1 r1, r4  |                  |       | 1                    | both count
  w1 r3, w2  |                  |       | 0                    | 7 against 8
  w1 r4, w2  |                  |       | 0                    | 8 against 8: the lowest id
  w1 r5, w2  |                  |       | 1                    | 9 against 8
  w2, r7     |                  |       | 1                    | 8 against 7
  w2, r8     |                  |       | 0                    | 8 against 8
  w2, r9     |                  |       | 0                    | 8 against 9
  r2, r2     |                  |       | 0                    | all equal
  -, -       |                  | 0     | 0                    | all equal, at random: the first
  w1, r4     |                  | 1     | 1                    | all equal, at random: the second
  -, -       | preset=vllm_v1   |       | 0                    | the first of equals
  w9 r1, r2  | waiting_weight=0 |       | 0                    | running ones alone
  w1, r1     | waiting_weight=1 |       | 0                    | requests alone: equals
  w2, r1     | waiting_weight=1 |       | 1                    | requests alone
  o9, r1     |                  |       | 0                    | its own requests are in the metrics or in what was sent since
  s1, r3     |                  |       | 1                    | what was sent since the metrics waits, as far as it knows
  s1, r4     |                  |       | 0                    | 4 against 4
  s1 w1, r7  |                  |       | 1                    | beside what waited then: 8 against 7
  s1, r7     | clients=2        |       | 1                    | of two front ends each counts twice
  s9, r1     | clients=0        |       | 0                    | or not at all
  k1, r1     |                  |       | 0                    | KV usage does not count
  r1, m96 r2 |                  |       | 0                    | nor does what is cached
  w10, w9 r9 |                  |       | 1                    | a full queue is no candidate
  x, r9      |                  |       | 1                    | the idle one is down
  x, w10     |                  |       | no_available_backend | down or full
             |                  |       | no_available_backend | no backends
`,
)

// 0.512 s for each that waits, and 0.15 k / (1 - k) for KV usage k.
decisionTable(
  smgLeastLoad,
  `
  backends    | parameters           | draws | choice               | why
  w2, w1      |                      |       | 1                    | a shorter queue
  w1, k0.5    |                      |       | 1                    | half full is 0.15 s, less than one waiting
  w1, k0.75   |                      |       | 1                    | 0.75 is 0.45 s, still less
  w1, k0.773  |                      |       | 1                    | 0.511 s, just less
  w1, k0.774  |                      |       | 0                    | 0.514 s, just more
  w1, k0.8    |                      |       | 0                    | 0.6 s
  w1 k0.5, w2 |                      |       | 0                    | 0.662 s against 1.024 s
  w1 k0.8, w2 |                      |       | 1                    | 1.112 s against 1.024 s
  k0.5, k0.6  |                      |       | 0                    | less KV in use
  k1, k0.999  |                      |       | 0                    | a full cache is 149.85 s, not for ever: equals
  w9, k0.1    | tokens_per_waiting=0 |       | 0                    | KV usage alone
  w1, k0.85   | tokens_per_sec=1000  |       | 1                    | 1.024 s against 0.85 s
  w1, k0.88   | tokens_per_sec=1000  |       | 0                    | 1.024 s against 1.1 s
  k0.9, w1    | kv_penalty_sec=0     |       | 0                    | queues alone
  k0.1 m96, - |                      |       | 1                    | what is cached does not count
  r9, -       |                      |       | 0                    | nor do running requests
  o9, -       |                      |       | 0                    | nor do its own requests
  -, -, -     |                      |       | 0                    | all equal
  k0.5, k0.5  |                      | 1     | 1                    | all equal, at random
  w10, w9     |                      |       | 1                    | a full queue is no candidate
  x, k1       |                      |       | 1                    | the idle one is down
  x           |                      |       | no_available_backend | all down
              |                      |       | no_available_backend | no backends
`,
)

// 2000 tokens are 1 s, one that waits 0.512 s; 's' is of those sent since the metrics.
test('smg_least_load counts the tokens it has sent since the metrics', () => {
  const router = smgLeastLoad.create({ ties: 'first' })
  const send = (sent: readonly number[], waiting: readonly number[], promptTokens: number) => {
    const states = sent.map((sentSinceSample, id) => ({ sentSinceSample, waiting: waiting[id]! }))
    const cluster = testCluster(states)
    const request = testRequest({ promptTokens })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
    return summary(decision)
  }
  expect(send([0, 0], [0, 0], 1000)).toBe(0)
  // 1000 tokens against 1024 for one that waits, then against nothing.
  expect(send([1, 0], [0, 1], 100)).toBe(0)
  expect(send([2, 0], [0, 1], 3000)).toBe(1)
  // 1100 against 3000; of the last alone, 100 against 3000.
  expect(send([2, 1], [0, 0], 4000)).toBe(0)
  expect(send([3, 1], [0, 0], 50)).toBe(1)
  // A new sample has all of it.
  expect(send([0, 0], [1, 0], 10)).toBe(1)
  expect(send([0, 1], [0, 0], 10)).toBe(0)
})

test('smg_least_load without metrics counts its own requests', () => {
  const states = [2, 1, 3].map((outstanding) => ({
    outstanding,
    metricsAgeMs: Number.POSITIVE_INFINITY,
  }))
  expect(decide(smgLeastLoad, { states })).toBe(1)
  // Of one with metrics nothing waits; its neighbours' requests are worth 1024 tokens each.
  const some = [{ outstanding: 1, metricsAgeMs: Number.POSITIVE_INFINITY }, { outstanding: 5 }]
  expect(decide(smgLeastLoad, { states: some })).toBe(1)
})

// (prompt - cached) (requests + 1)
decisionTable(
  lmetric,
  `
  backends       | request   | parameters         | choice               | why
  -, -           |           |                    | 0                    | 100 and 100: the lowest id
  r1, r1         |           |                    | 0                    | 200 and 200: the lowest id
  -, r1 m50      |           |                    | 0                    | 100 and 100: half cached is worth one request, fewer requests go first
  r1 m50, -      |           |                    | 1                    | fewer requests go first, whatever the order
  -, r1 m51      |           |                    | 1                    | 100 and 98
  -, r1 m49      |           |                    | 0                    | 100 and 102
  r3 m75, r1 m50 |           |                    | 1                    | 100 and 100, fewer requests
  r1 m16, r1 m32 |           |                    | 1                    | 168 and 136
  r2 m90, r1 m80 |           |                    | 0                    | 30 and 40
  r4 m90, r1 m80 |           |                    | 1                    | 50 and 40
  w2 m50, r1     |           |                    | 0                    | 150 and 200: waiting ones count as requests
  m25 r1, -      | prompt=50 |                    | 1                    | 50 and 50, fewer requests
  r90 m100, m99  |           |                    | 0                    | 0 and 1: a prompt cached whole costs nothing
  r1 m100, m100  |           |                    | 1                    | 0 and 0, fewer requests
  p60 m50, -     |           |                    | 0                    | queued prompts do not count
  p60 m50, -     |           | counts_queued=true | 1                    | unless told to: 110 and 100
  p50 m50, -     |           | counts_queued=true | 0                    | 100 and 100, equal requests and tokens: the lowest id
  p40 r1, p200   |           | counts_queued=true | 0                    | 280 and 300
  w10 m100, r9   |           |                    | 1                    | a full queue is no candidate
  x m100, r5     |           |                    | 1                    | the holder is down
  x, x           |           |                    | no_available_backend | all down
                 |           |                    | no_available_backend | no backends
`,
)

// Seconds are (own uncached tokens without a first token + prompt - cached) / 1000.
decisionTable(
  ttftMin,
  `
  backends         | request   | parameters                  | before          | choice               | why
  -, -             |           | prefill_tokens_per_sec=1000 |                 | 0                    | 100 and 100: the lowest id
  -, -             |           |                             |                 | 1                    | 200 and 100
  -, m60           |           |                             |                 | 1                    | 200 and 140
  m30, m60         |           |                             |                 | 0                    | 170 and 180: cached tokens against a backlog
  -, -             | prompt=10 |                             |                 | 1                    | 180 and 150
  -, -             |           |                             | first=1         | 1                    | 270 and 150: a first token takes 100 off
  x, -             |           |                             |                 | 1                    | one is down
  m99, -           |           |                             |                 | 0                    | 171 and 350
  -, -             |           |                             | first=0         | 0                    | 171 and 350
  m0, m79          |           |                             |                 | 0                    | 271 and 271: the lowest id
  m0, m78          |           |                             |                 | 1                    | 371 and 272
  -, -             |           |                             |                 | 0                    | 371 and 372
  -, -, -          |           |                             |                 | 2                    | 471, 372 and 100: a new backend
  w10, x, w10      |           |                             |                 | no_available_backend | full or down
                   |           |                             |                 | no_available_backend | no backends
  -, -, w9 r9      |           |                             |                 | 2                    | 471, 372 and 200: requests do not count
  m100, -, -       |           |                             |                 | 2                    | 371, 372 and 300
  m100, m100, m100 |           |                             |                 | 1                    | 371, 272 and 300
  -, -, -          |           |                             | first=12 end=15 | 2                    | 471, 372 and 200: an end takes off what had no first token
  -, m200, -       |           |                             |                 | 1                    | 471, 272 and 300: more than the prompt is all of it
  -, -, x          |           |                             | end=12          | 1                    | 471 and 372: an end after the first token takes nothing off
  -, -, -          | prompt=1  |                             |                 | 2                    | 372, 373 and 201
`,
  'story',
)

test.each([
  ['too late anywhere: 90 tokens at 100 a second', 899, 'ttft_slo'],
  ['just in time', 900, 0],
] as const)('ttft_min with an SLO: %s', (_, ttft_slo_ms, expected) => {
  const parameters = { prefill_tokens_per_sec: 100, ttft_slo_ms }
  expect(decide(ttftMin, { states: loads(0), matched: [10], parameters })).toBe(expected)
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

test('by that curve 400 uncached tokens take 14 ms, and 100 beside 300 cached ones 8.5', () => {
  const router = ttftMin.create({ ties: 'first', preset: 'aibrix_conductor' })
  const alone = testCluster([{}, { healthy: false }])
  const [backend] = alone.backends
  const request = testRequest({ promptTokens: 25 })
  router.route(request, alone)
  router.onDispatched?.(request, backend!, alone, backend!)
  // 25 tokens take 1 + 0.125 + 5: with these before it 8.5 are 14.625.
  const both = testCluster(loads(0, 0), { matchedTokens: [300, 0] })
  expect(summary(router.route(testRequest({ id: 1, promptTokens: 400 }), both))).toBe(1)
})

test('ttft_min by the curve of the AIBrix conductor', () => {
  const router = ttftMin.create({ ties: 'first', preset: 'aibrix_conductor' })
  const send = (id: number, cached: readonly number[], promptTokens = 100) => {
    const cluster = testCluster(loads(0, 0), { matchedTokens: cached })
    const request = testRequest({ id, promptTokens })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
    return summary(decision)
  }
  // 0.005 cached + 1 + 0.001 uncached^1.5 + 5: 7 for 100 tokens, 6.536 if 64 of them are cached, 14 for 400.
  expect(send(0, [0, 0])).toBe(0)
  // 14 and 7; 14 and 13.536; 14 and 20.536.
  expect([send(1, [0, 0]), send(2, [0, 64]), send(3, [0, 0])]).toEqual([1, 1, 0])
  const { backends } = testCluster(loads(0, 0))
  router.onFirstToken?.(testRequest({ id: 1 }), backends[1]!, testCluster(loads(0, 0)))
  // A first token takes its 7 off: 21 and 13.536; then 28 and 27.536.
  expect([send(4, [0, 0]), send(5, [0, 0], 400)]).toEqual([1, 1])
})

test('ttft_min learns how long prompts take on each backend', () => {
  const router = ttftMin.create({ ties: 'first', estimate: 'learned' })
  const seen = (nowMs: number) => testCluster(loads(0, 0), { matchedTokens: [0, 0], nowMs })
  const serve = (id: number, at: number, promptTokens: number, afterMs: number) => {
    const cluster = seen(0)
    const request = testRequest({ id, promptTokens })
    router.route(request, cluster)
    router.onDispatched?.(request, cluster.backends[at]!, cluster, cluster.backends[at]!)
    router.onFirstToken?.(request, cluster.backends[at]!, seen(afterMs))
  }
  const choice = () => summary(router.route(testRequest({ id: 9, promptTokens: 300 }), seen(0)))
  expect(choice()).toBe(0)
  // 0.5 ms per token: 150 ms for 300, where the rate says 19 of the other.
  serve(0, 0, 100, 50)
  expect(choice()).toBe(0)
  serve(1, 0, 200, 100)
  expect(choice()).toBe(1)
  // 2 ms per token: 600 ms.
  serve(2, 1, 100, 200)
  serve(3, 1, 200, 400)
  expect(choice()).toBe(0)
})

test('ttft_min learns nothing from requests that are tried again', () => {
  const router = ttftMin.create({ ties: 'first', estimate: 'learned' })
  const cluster = testCluster(loads(0, 0), { nowMs: 90_000 })
  for (const id of [0, 1, 2]) {
    const request = testRequest({ id, attempt: 1 })
    router.route(request, cluster)
    router.onDispatched?.(request, cluster.backends[0]!, cluster, cluster.backends[0]!)
    router.onFirstToken?.(request, cluster.backends[0]!, cluster)
  }
  expect(summary(router.route(testRequest({ id: 9 }), cluster))).toBe(0)
})

// cached / prompt - load_weight (requests - mean) / max(1, mean)
decisionTable(
  productionStackLoadAware,
  `
  backends           | request   | parameters      | choice               | why
  -, m50             |           |                 | 1                    | a cached half
  m50, m50           |           |                 | 0                    | equal shares: the lowest id
  r1 m50, -          |           |                 | 1                    | mean 0.5: 0 against 0.5
  r1 m100, -         |           |                 | 0                    | 0.5 against 0.5: the lowest id
  r5 m60, r3         |           |                 | 0                    | mean 4: 0.35 against 0.25
  r5 m50, r3         |           |                 | 0                    | 0.25 against 0.25: the lowest id
  r3, r5 m50         |           |                 | 0                    | the same the other way round
  r5 m40, r3         |           |                 | 1                    | 0.15 against 0.25
  w2 m30, -          |           |                 | 1                    | mean 1: waiting ones count
  r10 m100, -, -, -  |           |                 | 1                    | mean 2.5: -2 against 1
  r3 m100, r1, r2    |           |                 | 0                    | mean 2: 0.5, 0.5 and 0
  r3 m99, r1, r2     |           |                 | 1                    | 0.49, 0.5 and 0
  m25, m24           | prompt=50 |                 | 0                    | shares are of the whole prompt
  m100, m120         |           |                 | 0                    | no share is above 1
  r1 m50, -          |           | load_weight=0.5 | 0                    | 0.25 against 0.25: the lowest id
  r1 m100, -         |           | load_weight=2   | 1                    | 0 against 1
  r99 m60, -         |           | preset=kv_aware | 0                    | the best match whatever its load
  r99 m60, m61       |           | preset=kv_aware | 1                    | the best match
  x m60, -           |           |                 | 1                    | the holder is down
  x m100, r1 m30, r1 |           |                 | 1                    | of the others the next best
  w10 m60, r9        |           |                 | 1                    | the holder is full
  r5, -              |           |                 | 0                    | nothing cached: never used goes first, the lowest id
  w10, -             |           |                 | 1                    | and has room
  x m60, x           |           |                 | no_available_backend | all down
                     | session=a |                 | no_available_backend | no backends
`,
)

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
