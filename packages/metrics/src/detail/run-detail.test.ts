import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LogHistogram } from '../histogram/log-histogram.js'
import { summarize } from '../summary/summarize.js'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { IntervalMeans } from './interval-means.js'
import { requestTimeline } from './request-timeline.js'
import { detailRun } from './run-detail.js'

function served(arrivalMs: number, rest: Partial<RequestFacts> = {}): RequestFacts {
  return {
    arrivalMs,
    admittedMs: arrivalMs + 10,
    firstTokenMs: arrivalMs + 30,
    finishedMs: arrivalMs + 120,
    ...rest,
  }
}
const gaps = new LogHistogram()
gaps.add(10, 18)

test('by hand: two requests, one behind the other', () => {
  const run = runResult(
    [served(0, { cachedTokens: 50 }), served(50, { promptTokens: 300, firstTokenMs: 110 })],
    [{}, {}],
  )
  const { curves, by_length, sample, load, timeline } = detailRun(run, gaps)
  expect(curves.quantiles).toHaveLength(110)
  expect(curves.ttft_ms[0]).toBe(30)
  expect(curves.ttft_ms[50]).toBe(45)
  expect(curves.ttft_ms.at(-1)).toBe(60)
  expect(curves.itl_ms[50]).toBe(10)
  expect(by_length.ttft_by_prompt).toEqual([
    { from_tokens: 100, to_tokens: 100, count: 1, p50_ms: 30, p90_ms: 30 },
    { from_tokens: 300, to_tokens: 300, count: 1, p50_ms: 60, p90_ms: 60 },
  ])
  expect(sample).toEqual({
    of: 2,
    prompt_tokens: [100, 300],
    output_tokens: [10, 10],
    cached_tokens: [50, 0],
    ttft_ms: [30, 60],
    tpot_ms: [10, Number((60 / 9).toPrecision(5))],
  })
  // 170 ms in intervals of 2 ms.
  expect(load.interval_ms).toBe(2)
  const [busy, idle] = load.backends
  expect(busy!.waiting.slice(0, 6)).toEqual([1, 1, 1, 1, 1, 0])
  expect(busy!.running.slice(28, 31)).toEqual([1, 1, 2])
  expect(busy!.token_hit_rate[5]).toBe(0.5)
  expect(busy!.token_hit_rate[6]).toBeNull()
  expect(idle!.running.every((value) => value === 0)).toBe(true)
  expect(timeline).toMatchObject({ backend: 0, requests: [{ id: 0, sent_ms: 0 }, { id: 1 }] })
})

test('latencies of requests that were sent after they arrived count from then, as in the summary', () => {
  const facts = [served(0), served(50, { firstTokenMs: 1110, finishedMs: 1200 })]
  const run = runResult(facts, [{}], { sentMs: Float64Array.of(20, 1000) })
  const { curves, by_length, sample, timeline } = detailRun(run, gaps)
  const { ttft, end_to_end_latency } = summarize(run, gaps, { pricePerHour: [1] })
  expect([curves.ttft_ms[0], curves.ttft_ms.at(-1)]).toEqual([10, 110])
  expect([curves.ttft_ms[50], curves.ttft_ms.at(-1)]).toEqual([ttft.p50, ttft.max])
  expect(curves.e2e_ms.at(-1)).toBe(end_to_end_latency.max)
  expect(by_length.ttft_by_prompt[0]).toMatchObject({ p50_ms: 60 })
  expect(sample.ttft_ms).toEqual([10, 110])
  expect(timeline!.requests.map(({ sent_ms }) => sent_ms)).toEqual([20, 1000])
})

test('decoding counts where it is done, the prompt where it was computed', () => {
  const run = runResult([served(0, { prefillBackend: 0, backend: 1 })], [{}, {}])
  const { backends, interval_ms } = detailRun(run, gaps).load
  const time = (id: number) => backends[id]!.running.reduce((sum, n) => sum! + n! * interval_ms, 0)
  expect([time(0), time(1)]).toEqual([20, 90])
})

test('the timeline is around the request that waited longest, in order of admission', () => {
  /** Ten requests, one every 10 ms, of which one has to wait for long; rows are not in order of admission. */
  const around = (worst: number) => {
    const facts = Array.from({ length: 10 }, (_, i) => {
      const admittedMs = 100 - 10 * i
      return served(0, { admittedMs, firstTokenMs: admittedMs + (i === worst ? 500 : 1) })
    })
    return requestTimeline(runResult(facts, [{}]), 4)!.requests.map(({ id }) => id)
  }
  // Admitted in the order 9, 8, ... 0: two before it, and itself with one after it, where there are as many.
  expect(around(5)).toEqual([7, 6, 5, 4])
  expect(around(9)).toEqual([9, 8, 7, 6])
  expect(around(0)).toEqual([3, 2, 1, 0])
})

test.each([
  [60, 1],
  [120, 1],
  [121, 2],
  [600, 5],
  [601, 10],
  [1200, 10],
  [1201, 20],
  [6001, 100],
])('%i ms are 120 intervals of %i ms at most', (finishedMs, intervalMs) => {
  const { load } = detailRun(runResult([served(0, { finishedMs })], [{}]), gaps)
  expect(load.interval_ms).toBe(intervalMs)
  expect(load.backends[0]!.running).toHaveLength(Math.ceil(finishedMs / intervalMs))
})

test('is JSON of bounded size, also when nothing was served', () => {
  const nothing = detailRun(
    runResult([{ arrivalMs: 0, rejectReason: 'full' }], [{}]),
    new LogHistogram(),
  )
  expect(JSON.parse(JSON.stringify(nothing))).toEqual(nothing)
  expect(nothing.timeline).toBeNull()
  const many = Array.from({ length: 20_000 }, (_, i) =>
    served(i * 3.7, { backend: i % 300, promptTokens: 1 + ((i * 7919) % 5000) }),
  )
  const detail = detailRun(runResult(many, new Array(300).fill({})), gaps)
  expect(JSON.stringify(detail).length).toBeLessThan(250_000)
  expect(detail.sample.ttft_ms).toHaveLength(1000)
  expect(detail.by_length.ttft_by_prompt.length).toBeLessThanOrEqual(16)
  expect(detail.by_length.ttft_by_prompt.reduce((sum, { count }) => sum + count, 0)).toBe(20_000)
})

test('interval means keep the integral of any spans', () => {
  const span = fc.tuple(fc.double({ min: -50, max: 150, noNaN: true }), fc.nat(200))
  fc.assert(
    fc.property(fc.array(span, { maxLength: 20 }), (spans) => {
      const means = new IntervalMeans(30, 7, 10)
      let inside = 0
      for (const [from, length] of spans) {
        means.add(from, from + length)
        inside += Math.max(0, Math.min(100, from + length) - Math.max(30, from))
      }
      const sum = means.means().reduce((total, mean) => total + mean * 7, 0)
      expect(sum).toBeCloseTo(inside, 6)
    }),
  )
})
