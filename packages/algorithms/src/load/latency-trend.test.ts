import { expect, test } from 'vitest'
import { LatencyTrend } from './latency-trend.js'

/** Latencies of place 1 on backend 0 at some times, in a window of 100 ms. */
function trend(...entries: readonly (readonly [ms: number, latencyMs: number])[]): LatencyTrend {
  const made = new LatencyTrend(100)
  for (const [ms, latencyMs] of entries) made.add(ms, 1, 0, latencyMs)
  return made
}

test.each([
  ['twice is enough', trend([0, 10], [60, 20]), 90, true],
  ['less is not', trend([0, 10], [60, 19.9]), 90, false],
  ['means, not sums', trend([0, 10], [60, 15], [61, 20]), 90, false],
  ['only the later half', trend([60, 20]), 90, false],
  ['only the earlier half', trend([0, 10], [10, 90]), 90, false],
  ['the middle belongs to the later half', trend([0, 10], [50, 20]), 99, true],
  ['what has left the window', trend([0, 10], [60, 20]), 100, false],
])('%s', (_, made, nowMs, hasRisen) => {
  expect(made.hasRisen(nowMs, 1, 0, 2)).toBe(hasRisen)
})

test('places and backends are apart', () => {
  const made = trend([0, 10], [60, 20])
  expect(made.hasRisen(90, 1, 1, 2)).toBe(false)
  expect(made.hasRisen(90, 2, 0, 2)).toBe(false)
  made.add(70, 1, 1, 5)
  expect(made.hasRisen(90, 1, 0, 2)).toBe(true)
})

test('what was before a reset does not count', () => {
  const made = trend([0, 10], [60, 20])
  made.reset(65, 1, 1)
  expect(made.hasRisen(90, 1, 0, 2)).toBe(true)
  made.reset(65, 1, 0)
  expect(made.hasRisen(90, 1, 0, 2)).toBe(false)
})

test('a window of more entries than it had room for', () => {
  const made = new LatencyTrend(1000)
  for (let ms = 0; ms < 5000; ms++) made.add(ms, 1, 0, ms < 4499 ? 10 : 20)
  expect(made.hasRisen(4999, 1, 0, 2)).toBe(true)
  expect(made.hasRisen(4999, 1, 0, 2.01)).toBe(false)
})
