import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LogHistogram } from '../histogram/log-histogram.js'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { RequestStatistics } from './request-statistics.js'
import { summarize, summarizeTotals } from './summarize.js'

const noGaps = new LogHistogram()
const free = (backends: number) => ({ pricePerHour: new Array<number>(backends).fill(0) })

function completed(arrivalMs: number, rest: Partial<RequestFacts> = {}): RequestFacts {
  return {
    arrivalMs,
    admittedMs: arrivalMs + 10,
    firstTokenMs: arrivalMs + 30,
    finishedMs: arrivalMs + 120,
    ...rest,
  }
}

describe('latencies', () => {
  test('are measured from arrival, by hand', () => {
    const run = runResult(
      [completed(0), completed(100, { firstTokenMs: 150, finishedMs: 240 })],
      [{}],
    )
    const summary = summarize(run, noGaps, free(1))
    expect(summary.queue_wait).toMatchObject({ count: 2, p50: 10, max: 10, mean: 10 })
    expect(summary.ttft).toMatchObject({ count: 2, min: 30, p50: 40, p75: 45, max: 50, mean: 40 })
    expect(summary.end_to_end_latency).toMatchObject({ min: 120, p50: 130, max: 140 })
    // 90 ms for the 9 tokens after the first, twice.
    expect(summary.tpot).toMatchObject({ count: 2, p50: 10, mean: 10 })
  })

  test('a request without output has no time to first token, and does not count as 0', () => {
    const run = runResult(
      [
        completed(0),
        { arrivalMs: 1, outputTokens: 0, admittedMs: 1, finishedMs: 20 },
        completed(2, { outputTokens: 1, finishedMs: 32 }),
      ],
      [{}],
    )
    const summary = summarize(run, noGaps, free(1))
    expect(summary.completed_requests).toBe(3)
    expect(summary.ttft).toMatchObject({ count: 2, min: 30 })
    expect(summary.end_to_end_latency.count).toBe(3)
    expect(summary.tpot.count).toBe(1)
  })

  test('a run stopped early measures what happened until then', () => {
    const run = runResult(
      [completed(0), { arrivalMs: 50, outcome: 'unfinished', admittedMs: 60, firstTokenMs: 90 }],
      [{}],
      { complete: false },
    )
    const summary = summarize(run, noGaps, free(1))
    expect(summary).toMatchObject({ complete: false, unfinished_requests: 1, duration_ms: 120 })
    expect(summary.ttft.count).toBe(2)
    expect(summary.end_to_end_latency.count).toBe(1)
  })

  test('gaps between tokens come from the recorder', () => {
    const gaps = new LogHistogram()
    gaps.add(16, 8)
    gaps.add(40)
    const { tbt } = summarize(runResult([completed(0)], [{}]), gaps, free(1))
    expect(tbt).toMatchObject({ count: 9, min: 16, max: 40, mean: 168 / 9 })
    expect(Math.abs(tbt.p50! - 16)).toBeLessThan(0.004 * 16)
  })
})

describe('warm-up', () => {
  test('is left out of everything', () => {
    const run = runResult(
      [
        { arrivalMs: 0, rejectReason: 'full' },
        completed(10, { backend: 1, cachedTokens: 50, preemptions: 3 }),
        completed(1000),
        { arrivalMs: 1010, rejectReason: 'full' },
      ],
      [{}, {}],
      { warmupRequests: 2 },
    )
    expect(summarize(run, noGaps, free(2))).toMatchObject({
      warmup_requests: 2,
      total_requests: 2,
      completed_requests: 1,
      rejected_requests: 1,
      rejected_by_reason: { full: 1 },
      per_backend_requests: [1, 0],
      preemptions: 0,
      global_cache_hit_rate: 0,
      duration_ms: 120,
    })
  })

  test('that leaves nothing is an error, not a page of zeros', () => {
    const run = runResult([completed(0), completed(1)], [{}], { warmupRequests: 100 })
    expect(() => summarize(run, noGaps, free(1))).toThrow(
      expect.objectContaining({
        code: 'warmup_leaves_nothing',
        message:
          'warm-up leaves nothing to measure: the run has 2 requests and the warm-up takes the first 100; lower the warm-up to at most 1, or use a longer trace',
      }),
    )
  })

  test('of a run without requests says so', () => {
    expect(() => summarize(runResult([], [{}]), noGaps, free(1))).toThrow(/at least one request/)
  })
})

describe('requests that got no answer', () => {
  const answered = { admittedMs: 10, firstTokenMs: 20, finishedMs: 120 }
  const run = runResult(
    [
      { arrivalMs: 0, ...answered },
      { arrivalMs: 1, ...answered, attempts: 2 },
      // It had its first token in time, and its backend failed.
      { arrivalMs: 2, ...answered, outcome: 'failed', rejectReason: 'backend_failed' },
      { arrivalMs: 3, outcome: 'failed', rejectReason: 'backend_unreachable', attempts: 3 },
      { arrivalMs: 4, ...answered, outcome: 'timed_out', rejectReason: 'timeout' },
      { arrivalMs: 5, rejectReason: 'full' },
      { arrivalMs: 6, outcome: 'unsent', rejectReason: 'predecessor_not_completed' },
    ],
    [{}],
  )

  test('are counted by what became of them', () => {
    expect(summarize(run, noGaps, free(1))).toMatchObject({
      total_requests: 7,
      completed_requests: 2,
      rejected_requests: 1,
      failed_requests: 2,
      timed_out_requests: 1,
      unsent_requests: 1,
      unfinished_requests: 0,
      rejected_by_reason: { full: 1 },
      failed_by_reason: { backend_failed: 1, backend_unreachable: 1 },
      retries: 5,
      duration_ms: 120,
      ttft: { count: 4 },
      ttft_of_completed: { count: 2, mean: 19.5 },
      end_to_end_latency: { count: 2 },
      tpot: { count: 2 },
    })
  })

  test.each([
    ['exceeds_kv_cache', 'stable'],
    ['exceeds_max_model_len', 'stable'],
    ['model_not_served', 'stable'],
    ['queue_full', 'overloaded'],
  ])('where the reason is %s, the fleet is %s', (rejectReason, verdict) => {
    const facts = Array.from({ length: 100 }, (_, i): RequestFacts => {
      return i % 2 === 0 ? completed(200 * i) : { arrivalMs: 200 * i, rejectReason }
    })
    const { saturation } = summarize(runResult(facts, [{}]), noGaps, free(1))
    expect(saturation).toMatchObject({ verdict, rejected_share: 0.5 })
  })

  test('have not come when they were never sent', () => {
    const { saturation } = summarize(run, noGaps, free(1))
    // Six came, the last of them at 5 ms; one was rejected and one timed out.
    expect(saturation).toMatchObject({
      offered_per_sec: 1000,
      rejected_share: 1 / 6,
      timed_out_share: 1 / 6,
    })
  })

  test('miss every target', () => {
    const slo = { ttftMs: 1000, tpotMs: 1000, e2eMs: 1000 }
    expect(summarize(run, noGaps, { ...free(1), slo }).slo).toMatchObject({
      requests: 6,
      good_requests: 2,
      ttft_attainment: 2 / 6,
      tpot_attainment: 2 / 6,
      e2e_attainment: 2 / 6,
    })
  })

  test('are the same as they end one by one', () => {
    const options = { ...free(1), slo: { ttftMs: 15 } }
    const {
      ttft_of_completed: completedTtft,
      ttft: _,
      tpot: __,
      end_to_end_latency: ___,
      queue_wait: ____,
      ...expected
    } = summarize(run, noGaps, options)
    const statistics = new RequestStatistics(['both'], options.slo)
    const heard = statistics.hearing({ ...run.requests, next: () => {} })
    for (let row = 0; row < 6; row++) heard.next(run.requests, row)
    for (let row = 0; row < 7; row++) statistics.requestEnded(row, run.requests, run.outcomes)
    const totals = summarizeTotals(run, statistics, options)
    expect(totals).toMatchObject(expected)
    const { count, mean } = completedTtft
    expect(totals.ttft_of_completed).toMatchObject({ count, mean })
  })

  test('do not make a fleet look overloaded when backends lost them, but do when nobody waited', () => {
    const verdictOf = (outcome: 'failed' | 'timed_out') => {
      const facts = Array.from({ length: 1000 }, (_, i): RequestFacts => {
        const arrivalMs = 100 * i
        if (i % 4 === 3) return { arrivalMs, outcome, finishedMs: arrivalMs + 500 }
        return { arrivalMs, admittedMs: arrivalMs, finishedMs: arrivalMs + 90 }
      })
      const { saturation } = summarize(runResult(facts, [{}]), noGaps, free(1))
      return [saturation.verdict, saturation.timed_out_share]
    }
    expect(verdictOf('failed')).toEqual(['stable', 0])
    expect(verdictOf('timed_out')).toEqual(['overloaded', 0.25])
  })
})

describe('rates and cost', () => {
  // Two requests of 100 + 10 tokens in 500 ms on two backends, busy 200 and 100 ms.
  const run = runResult([completed(0), completed(380)], [{ busyMs: 200 }, { busyMs: 100 }])

  test('are over the time from the first arrival to the end of the last request', () => {
    expect(summarize(run, noGaps, free(2))).toMatchObject({
      duration_ms: 500,
      requests_per_sec: 4,
      prompt_tokens_per_sec: 400,
      gen_tokens_per_sec: 40,
      total_tokens_per_sec: 440,
    })
  })

  test('what came to nothing took its time, too', () => {
    const late = { arrivalMs: 500, finishedMs: 2000 }
    const summaryWith = (fact: RequestFacts, busyMs: number) =>
      summarize(runResult([completed(0), fact], [{ busyMs }]), noGaps, { pricePerHour: [3.6] })
    expect(summaryWith({ ...late, outcome: 'timed_out' }, 1800)).toMatchObject({
      duration_ms: 2000,
      requests_per_sec: 0.5,
      estimated_cost_per_1k_tokens: expect.closeTo(2 / 110, 12),
      busy_cost_per_1k_tokens: expect.closeTo(1.8 / 110, 12),
    })
    expect(summaryWith({ arrivalMs: 4000, rejectReason: 'full' }, 120).requests_per_sec).toBe(0.25)
  })

  test('GPU seconds are busy time, not residence', () => {
    const summary = summarize(run, noGaps, free(2))
    expect(summary.gpu_seconds_per_request).toBeCloseTo(0.15, 12)
    expect(summary.fleet_gpu_seconds_per_request).toBeCloseTo(0.5, 12)
    expect(summary.per_backend.map((backend) => backend.busy_fraction)).toEqual([0.4, 0.2])
  })

  test('GPU seconds are those of all GPUs of a backend', () => {
    const summary = summarize(run, noGaps, { ...free(2), gpuCounts: [4, 1] })
    expect(summary.gpu_seconds_per_request).toBeCloseTo((4 * 0.2 + 0.1) / 2, 12)
    expect(summary.fleet_gpu_seconds_per_request).toBeCloseTo((5 * 0.5) / 2, 12)
  })

  test('a backend that is removed is paid until it has finished what it had', () => {
    const left = [completed(0, { backend: 0, finishedMs: 300 }), completed(380, { backend: 1 })]
    const events = [{ atMs: 250, backend: 0, kind: 'remove' }] as const
    const summary = summarize(runResult(left, [{}, {}]), noGaps, {
      ...{ pricePerHour: [7.2, 3.6], events },
    })
    // $7.2/h for 0.3 s and $3.6/h for 0.5 s.
    expect(summary.estimated_cost_per_1k_tokens).toBeCloseTo(1.1 / 220, 12)
    expect(summary.fleet_gpu_seconds_per_request).toBeCloseTo(0.8 / 2, 12)
  })

  test('the fleet is paid idle or not; busy cost stands apart', () => {
    const summary = summarize(run, noGaps, { pricePerHour: [7.2, 3.6] })
    // $10.8/h for 0.5 s is $0.0015 for 220 tokens; busy: $7.2/h · 0.2 s + $3.6/h · 0.1 s.
    expect(summary.estimated_cost_per_1k_tokens).toBeCloseTo(1.5 / 220, 12)
    expect(summary.busy_cost_per_1k_tokens).toBeCloseTo(0.5 / 220, 12)
  })

  test('refuses prices that do not fit the fleet', () => {
    expect(() => summarize(run, noGaps, { pricePerHour: [1] })).toThrow(
      'pricePerHour: expected one price for each of 2 backends, got 1',
    )
    expect(() => summarize(run, noGaps, { pricePerHour: [1, -1] })).toThrow(
      'pricePerHour[1]: expected a finite number >= 0, got -1',
    )
  })
})

test('a run in which nothing happened has null for numbers, and is JSON', () => {
  const run = runResult([{ arrivalMs: 0, rejectReason: 'full' }], [{ totalBlocks: 0 }], {
    customMetrics: { ratio: Number.NaN, size: 3 },
  })
  const summary = summarize(run, noGaps, free(1))
  const nothing = { count: 0, p25: null, p50: null, p75: null, p90: null, p95: null, p99: null }
  expect(summary.ttft).toEqual({ ...nothing, min: null, max: null, mean: null, std: null })
  expect(summary).toMatchObject({
    tbt: { p50: null },
    requests_per_sec: null,
    total_tokens_per_sec: null,
    token_hit_rate: null,
    gpu_seconds_per_request: null,
    estimated_cost_per_1k_tokens: null,
    jains_fairness_index: null,
    load_cv: null,
    max_min_queue_ratio: 1,
    custom_metrics: { ratio: null, size: 3 },
  })
  expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
})

describe('cache hits', () => {
  const run = runResult(
    [
      completed(0, { promptTokens: 100, cachedTokens: 50, contentTokens: 80 }),
      completed(1, { promptTokens: 300, contentTokens: 400 }),
      completed(2, { promptTokens: 100, backend: 0, prefillBackend: 1, cachedTokens: 100 }),
      { arrivalMs: 3, rejectReason: 'full' },
    ],
    [{ totalBlocks: 10, heldBlocks: 2, cachedBlocks: 3, evictions: 4 }, {}],
  )
  const summary = summarize(run, noGaps, free(2))

  test('are counted by request and by token, over admitted requests', () => {
    expect(summary.request_hit_rate).toBeCloseTo(2 / 3, 12)
    expect(summary.global_cache_hit_rate).toBe(summary.request_hit_rate)
    expect(summary.token_hit_rate).toBe(0.3)
    // 50 of 80 shareable tokens, 0 of 300; the third request shares nothing.
    expect(summary.block_cache_reuse_rate).toBe(0.3125)
  })

  test('belong to the backend that computed the prompt', () => {
    expect(summary.per_backend_cache_stats).toMatchObject([
      {
        ...{ total_blocks: 10, used_blocks: 5, free_blocks: 5, utilization: 0.5, evictions: 4 },
        ...{ hits: 1, misses: 1, hit_rate: 0.5, token_hit_rate: 0.125 },
      },
      { hits: 1, misses: 0, hit_rate: 1, token_hit_rate: 1 },
    ])
    expect(summary.evictions).toBe(4)
  })
})

describe('load balance', () => {
  test('compares backends with their pool, so its size is no unfairness', () => {
    const pairs: RequestFacts[] = [1, 2, 3, 1, 2, 3].map((backend, i) =>
      completed(i, { backend, prefillBackend: 0 }),
    )
    const decode = { role: 'decode' } as const
    const run = runResult(pairs, [{ role: 'prefill' }, decode, decode, decode])
    expect(summarize(run, noGaps, free(4))).toMatchObject({
      per_backend_requests: [6, 2, 2, 2],
      jains_fairness_index: 1,
      load_cv: 0,
    })
  })

  test('counts a request that a router moved once, where it was last', () => {
    const moved = [completed(0, { backend: 1, prefillBackend: 0 }), completed(1, { backend: 0 })]
    expect(summarize(runResult(moved, [{}, {}]), noGaps, free(2))).toMatchObject({
      per_backend_requests: [1, 1],
      jains_fairness_index: 1,
    })
  })

  test('one of two backends getting everything is as unfair as can be', () => {
    const run = runResult([completed(0), completed(1)], [{}, {}])
    const summary = summarize(run, noGaps, free(2))
    expect(summary).toMatchObject({ jains_fairness_index: 0.5, load_cv: 1 })
  })

  test.each([
    ['even', [{ waitingRequestMs: 10, runningRequestMs: 20 }, { runningRequestMs: 30 }], 1],
    ['uneven', [{ waitingRequestMs: 10, runningRequestMs: 20 }, { runningRequestMs: 10 }], 3],
    ['one idle', [{ runningRequestMs: 20 }, {}], null],
    ['all idle', [{}, {}], 1],
    [
      'the worst pool counts',
      [
        { role: 'prefill', runningRequestMs: 10 },
        { role: 'prefill', runningRequestMs: 20 },
        { role: 'decode', runningRequestMs: 900 },
      ],
      2,
    ],
  ] as const)('queue ratio: %s', (_, backends, ratio) => {
    const summary = summarize(runResult([completed(0)], backends), noGaps, free(backends.length))
    expect(summary.max_min_queue_ratio).toBe(ratio)
  })
})

describe('any run', () => {
  const wait = fc.nat(1000)
  const completedRequest = fc
    .record({ backend: fc.nat(2), outputTokens: fc.nat(5), gaps: fc.tuple(wait, wait, wait) })
    .map(({ gaps: [queued, prefill, decode], ...facts }) => (arrivalMs: number): RequestFacts => {
      const admittedMs = arrivalMs + queued
      const firstTokenMs = facts.outputTokens === 0 ? Number.NaN : admittedMs + prefill
      return {
        ...facts,
        arrivalMs,
        admittedMs,
        firstTokenMs,
        finishedMs: admittedMs + prefill + decode,
      }
    })
  const rejectedRequest = fc.constantFrom('full', 'constructor').map(
    (rejectReason) =>
      (arrivalMs: number): RequestFacts => ({ arrivalMs, rejectReason }),
  )
  const run = fc
    .array(fc.oneof(completedRequest, rejectedRequest), {
      minLength: 1,
      maxLength: 30,
    })
    .chain((requests) =>
      fc.nat(requests.length - 1).map((warmupRequests) =>
        runResult(
          requests.map((make, i) => make(i * 10)),
          [{}, {}, {}],
          { warmupRequests },
        ),
      ),
    )

  test('counts every measured request once, and nothing but finite numbers and null', () => {
    fc.assert(
      fc.property(run, (result) => {
        const summary = summarize(result, noGaps, { pricePerHour: [1, 2, 3] })
        const reasons = Object.values(summary.rejected_by_reason)
        expect(summary.total_requests).toBe(result.requests.size - result.warmupRequests)
        expect(summary.completed_requests + summary.rejected_requests).toBe(summary.total_requests)
        expect(reasons.reduce((sum, n) => sum + n, 0)).toBe(summary.rejected_requests)
        expect(summary.per_backend_requests.reduce((sum, n) => sum + n)).toBe(
          summary.completed_requests,
        )
        expect(summary.end_to_end_latency.count).toBe(summary.completed_requests)
        expect(JSON.parse(JSON.stringify(summary))).toEqual(summary)
      }),
    )
  })

  test('has its first token no later than its last', () => {
    fc.assert(
      fc.property(run, (result) => {
        const { ttft, end_to_end_latency, queue_wait } = summarize(result, noGaps, free(3))
        if (ttft.max === null) return
        expect(ttft.max).toBeLessThanOrEqual(end_to_end_latency.max!)
        expect(queue_wait.min!).toBeLessThanOrEqual(ttft.min!)
      }),
    )
  })
})
