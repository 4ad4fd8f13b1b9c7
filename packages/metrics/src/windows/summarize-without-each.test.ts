import type { BackendTotals } from '@routesim/core'
import { expect, test } from 'vitest'
import { summarize } from '../summary/summarize.js'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { summarizeWithoutEach } from './summarize-without-each.js'
import { WindowRecorder } from './window-recorder.js'

const options = { pricePerHour: [3600, 3600], slo: { ttftMs: 50 } }

/** One request per 100 ms, on two backends in turn; the first is a warm-up. */
function facts(count: number): RequestFacts[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{ arrivalMs: i * 100, admittedMs: i * 100, backend: i % 2 },
    ...{ firstTokenMs: i * 100 + 10 * (i + 1), finishedMs: i * 100 + 95 },
    cachedTokens: i * 10,
  }))
}

const worked = (busyMs: number, evictions: number): Partial<BackendTotals> => ({
  busyMs,
  evictions,
})

/** Windows of rows 1 and 2, 3 and 4, 5 and 6. */
function recorded(): { recorder: WindowRecorder; run: ReturnType<typeof runResult> } {
  const backends = [worked(250, 9), worked(200, 3)]
  const run = runResult(facts(7), backends, { warmupRequests: 1, measuredFromMs: 100, endMs: 695 })
  const recorder = new WindowRecorder()
  const until = (a: Partial<BackendTotals>, b: Partial<BackendTotals>) => [
    { ...run.backends[0]!, ...a },
    { ...run.backends[1]!, ...b },
  ]
  recorder.tokenGaps(Float64Array.of(10, 0, 1, 2))
  recorder.windowStarted(300, until(worked(100, 1), worked(50, 0)))
  recorder.tokenGaps(Float64Array.of(20, 0, 1, 1))
  recorder.windowStarted(500, until(worked(150, 4), worked(150, 3)))
  recorder.tokenGaps(Float64Array.of(40, 0, 1, 1))
  return { recorder, run }
}

test('by hand: a run without each of three windows', () => {
  const { recorder, run } = recorded()
  const whole = summarize(run, recorder.gaps, options)
  expect(whole).toMatchObject({ total_requests: 6, duration_ms: 595, evictions: 12 })
  const parts = summarizeWithoutEach(run, recorder, [3, 5], options)
  expect(parts.map(({ total_requests }) => total_requests)).toEqual([4, 4, 4])
  // From 100, 300 and 500 ms to 695.
  expect(parts.map(({ duration_ms }) => duration_ms)).toEqual([395, 395, 400])
  expect(parts.map(({ requests_per_sec: rate }) => rate)).toEqual([4 / 0.395, 4 / 0.395, 10])
  // Rows 1 to 6 take 20 to 70 ms.
  expect(parts.map(({ ttft }) => ttft.mean)).toEqual([55, 45, 35])
  expect(parts.map(({ slo }) => slo!.attainment)).toEqual([0.5, 0.5, 1])
  expect(parts.map(({ tbt }) => [tbt.count, tbt.max])).toEqual([
    [2, 40],
    [3, 40],
    [3, 20],
  ])
  expect(parts.map(({ token_hit_rate: rate }) => rate)).toEqual([0.45, 0.35, 0.25])
  expect(parts.map(({ evictions }) => evictions)).toEqual([11, 6, 7])
  expect(parts.map(({ per_backend: [one] }) => one!.busy_fraction)).toEqual([
    150 / 395,
    200 / 395,
    150 / 400,
  ])
  expect(parts.map(({ per_backend_requests: each }) => each)).toEqual([
    [2, 2],
    [2, 2],
    [2, 2],
  ])
  // Two backends at $1 per second.
  expect(parts[2]!.estimated_cost_per_1k_tokens).toBeCloseTo(((2 * 0.4) / 440) * 1000, 9)
  expect(parts[0]).toMatchObject({ warmup_requests: 1, custom_metrics: {} })
})

test('a backend that was added is paid for when it was there', () => {
  const { recorder, run } = recorded()
  const events = [{ kind: 'add', backend: 1, atMs: 400 } as const]
  const [first, second] = summarizeWithoutEach(run, recorder, [3, 5], { ...options, events })
  // One all the time that is left, the other for 295 of it, then for 195.
  expect(first!.estimated_cost_per_1k_tokens).toBeCloseTo(((0.395 + 0.295) / 440) * 1000, 9)
  expect(second!.estimated_cost_per_1k_tokens).toBeCloseTo(((0.395 + 0.195) / 440) * 1000, 9)
})

test('a window that nothing was sent of has no time', () => {
  const run = runResult(facts(4), [{}, {}])
  const recorder = new WindowRecorder()
  const [first, last] = summarizeWithoutEach(run, recorder, [2], options)
  expect([first!.duration_ms, first!.requests_per_sec]).toEqual([0, null])
  expect(last!.duration_ms).toBe(395)
})
