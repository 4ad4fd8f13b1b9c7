import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { judgedMetric } from './judged-metrics.js'
import { compareScores, meanOf, parseConstraint, scoreOf, violationOf } from './tune-objective.js'

/** What is looked at of runs. */
const runsOf = (...p99s: readonly (number | null)[]): RunSummary[] =>
  p99s.map((p99, i) => ({ ttft: { p99 }, requests_per_sec: 10 * i }) as unknown as RunSummary)

test('by hand: the mean over the runs that have a number', () => {
  expect(meanOf(runsOf(100, null, 400), 'ttft.p99')).toBe(250)
  expect(meanOf(runsOf(null), 'ttft.p99')).toBeNull()
  expect(meanOf(runsOf(700), 'ttft.p99')).toBe(700)
})

test('by hand: how much a bound is broken, relative to itself', () => {
  const runs = runsOf(500, 700)
  const broken = (text: string, defaults = runs): number =>
    violationOf(parseConstraint(text), runs, defaults)
  expect(broken('ttft.p99<=500')).toBe(0.2)
  expect(broken('ttft.p99<=600')).toBe(0)
  expect(broken('ttft.p99>=800')).toBe(0.25)
  // The default has 400 in the mean, so 480 is allowed.
  expect(broken('ttft.p99<=120%', runsOf(300, 500))).toBeCloseTo(0.25, 12)
  expect(broken('requests_per_sec<=0')).toBe(5)
  // What cannot be measured breaks a bound as far as one of twice its value would.
  expect(violationOf(parseConstraint('ttft.p99<=500'), runsOf(null), runs)).toBe(1)
})

test('bounds go before the objective, which is less for the better', () => {
  const runs = runsOf(500, 700)
  const bounds = [parseConstraint('ttft.p99<=500'), parseConstraint('requests_per_sec>=10')]
  const low = scoreOf(runs, runs, judgedMetric('ttft.p99', 'objective'), bounds)
  expect(low).toEqual({ objective: 600, violation: 0.2 + 0.5 })
  const high = scoreOf(runs, runs, judgedMetric('requests_per_sec', 'objective'), [])
  expect(high).toEqual({ objective: -5, violation: 0 })
  const none = scoreOf(runsOf(null), runs, judgedMetric('ttft.p99', 'objective'), [])
  expect(none.objective).toBe(Number.POSITIVE_INFINITY)
  expect(compareScores(high, low)).toBeLessThan(0)
  expect(compareScores({ ...low, objective: 601 }, low)).toBeGreaterThan(0)
  expect(compareScores(none, { ...none })).toBe(0)
})

test('what a router reports of itself is judged by its name, and better low', () => {
  expect(judgedMetric('custom_metrics.migrations', 'by')).toEqual({
    path: 'custom_metrics.migrations',
    title: 'migrations',
    better: 'low',
    unit: 'number',
  })
})
