import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { judgedMetric } from './judged-metrics.js'
import { pairedDifference } from './paired-difference.js'

const p99 = judgedMetric('ttft.p99', 'metric')
const throughput = judgedMetric('requests_per_sec', 'metric')

/** Runs with one number, under both names. */
const runsOf = (...values: readonly (number | null)[]): RunSummary[] =>
  values.map(
    (value) => ({ ttft: { p99: value }, requests_per_sec: value }) as unknown as RunSummary,
  )

test('by hand: mean difference and Student t interval over four pairs', () => {
  const base = runsOf(100, 200, 300, 400)
  const other = runsOf(110, 212, 308, 410)
  const found = pairedDifference(p99, base, other)!
  expect(found).toMatchObject({ ...p99, base: 250, other: 260, difference: 10, pairs: 4 })
  // Differences 10, 12, 8 and 10: 3.1824 deviations of 8/3, over the root of 4.
  expect(found.ci95).toBeCloseTo((3.1824 * Math.sqrt(8 / 3)) / 2, 3)
  expect(found.outcome).toBe('worse')
  expect(pairedDifference(throughput, base, other)!.outcome).toBe('better')
  expect(pairedDifference(p99, other, base)).toMatchObject({ difference: -10, outcome: 'better' })
  expect(pairedDifference(throughput, other, base)!.outcome).toBe('worse')
})

test('a difference of less than one counts, if it is clear', () => {
  const found = pairedDifference(p99, runsOf(1, 2, 3), runsOf(1.5, 2.5, 3.5))!
  expect(found).toMatchObject({ difference: 0.5, ci95: 0, outcome: 'worse' })
})

test('an interval with 0 in it is unclear, no difference at all is none', () => {
  expect(pairedDifference(p99, runsOf(1, 2), runsOf(1, 3))!.outcome).toBe('unclear')
  expect(pairedDifference(p99, runsOf(1, 2), runsOf(1, 2))!.outcome).toBe('equal')
})

test('pairs of which one has no number are left out, and of one pair nothing is told', () => {
  const base = runsOf(1, null, 3, 4)
  expect(pairedDifference(p99, base, runsOf(2, 9, null, 5))).toMatchObject({
    ...{ base: 2.5, other: 3.5, pairs: 2, outcome: 'worse' },
  })
  expect(pairedDifference(p99, base, runsOf(2, 9, null, null))).toBeUndefined()
})
