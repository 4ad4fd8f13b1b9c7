import { RandomStream } from '@routesim/core'
import { percentile, type RunSummary } from '@routesim/metrics'
import { describe, expect, test } from 'vitest'
import { type JudgedMetric, judgedMetric } from './judged-metrics.js'
import { pairedDifference } from './paired-difference.js'
import type { TrialResult } from './run-trials.js'

const p99 = judgedMetric('ttft.p99', 'metric')
const p90 = judgedMetric('ttft.p90', 'metric')
const median = judgedMetric('ttft.p50', 'metric')
const throughput = judgedMetric('requests_per_sec', 'metric')
const failed = judgedMetric('failed_requests', 'metric')

/** A run with one number, under all names. */
const summary = (value: number | null, requests = 10_000): RunSummary =>
  ({
    ...{
      ttft: { p50: value, p90: value, p99: value },
      tbt: { p99: value },
      requests_per_sec: value,
    },
    ...{ failed_requests: value, total_requests: requests },
  }) as unknown as RunSummary

const runsOf = (...values: readonly (number | null)[]): TrialResult[] =>
  values.map((value) => ({ summary: summary(value) }))

/** One run, and what it would be without each of its windows. */
const cut = (
  whole: number | null,
  without: readonly (number | null)[],
  requests?: number,
): TrialResult[] => [
  { summary: summary(whole), withoutWindows: without.map((value) => summary(value, requests)) },
]

describe('over seeds', () => {
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
})

describe('over windows of one run', () => {
  test('by hand: figures are those of the whole, the interval is of what windows contribute', () => {
    const found = pairedDifference(p99, cut(50, [40, 50, 60]), cut(60, [48, 60, 72]))!
    // Without each window the difference is 8, 10 and 12: windows contribute 14, 10 and 6 to 10.
    expect(found).toMatchObject({ base: 50, other: 60, difference: 10, pairs: 3 })
    expect(found.ci95).toBeCloseTo((4.3027 * 4) / Math.sqrt(3), 3)
    expect(found.outcome).toBe('worse')
    expect(pairedDifference(p99, cut(50, [50, 50]), cut(50, [50, 50]))!.outcome).toBe('equal')
    expect(pairedDifference(p99, cut(50, [50, 50]), cut(50, [49, 51]))!.outcome).toBe('unclear')
  })

  test('what is counted is that of all requests, and a mean of windows is what it always was', () => {
    // Windows of 5000 requests with 1 and 3 more failures.
    const found = pairedDifference(failed, cut(0, [0, 0], 5000), cut(4, [3, 1], 5000))!
    expect(found).toMatchObject({ base: 0, other: 4, difference: 4 })
    // Twice 1 and twice 3: 12.706 deviations of the root of 8, over the root of 2.
    expect(found.ci95).toBeCloseTo(12.706 * 2, 2)
  })

  test('what no window has is told without an interval, what the whole has not is not told', () => {
    const found = pairedDifference(p99, cut(50, [null, null]), cut(60, [null, null]))
    expect(found).toMatchObject({ difference: 10, ci95: null, pairs: 0, outcome: 'unknown' })
    expect(pairedDifference(p99, cut(null, [1, 2]), cut(3, [1, 2]))).toBeUndefined()
  })
})

test('a percentile that few requests of a window lie beyond has no interval, and nothing is said of it', () => {
  const of = (judged: JudgedMetric, requests: number) => {
    const side = (value: number): TrialResult[] => [
      { summary: summary(value, requests), withoutWindows: [summary(value), summary(value)] },
    ]
    return pairedDifference(judged, side(50), side(60))
  }
  // Ten of 1000 are beyond the P99 of each of the two windows.
  const few = { ci95: null, pairs: 2, outcome: 'unknown', difference: 10 }
  expect(of(p99, 1999)).toMatchObject(few)
  expect(of(p99, 2000)).toMatchObject({ ci95: 0, outcome: 'worse' })
  expect(of(median, 39)).toMatchObject(few)
  expect(of(median, 40)).toMatchObject({ ci95: 0, outcome: 'worse' })
  expect(of(judgedMetric('tbt.p99', 'metric'), 40)).toMatchObject({ ci95: 0, outcome: 'worse' })
  expect(of(failed, 40)).toMatchObject({ ci95: 0, outcome: 'worse' })
})

describe('intervals hold the truth in about 95 of 100 cases', () => {
  const WINDOWS = 8
  const REQUESTS = 100
  const CASES = 250

  /** One request that meets both things: its latencies, and the time until the next. */
  interface Met {
    readonly base: number
    readonly other: number
    readonly gapMs: number
  }
  type Side = 'base' | 'other'

  const latencies = (met: readonly Met[], side: Side): Float64Array =>
    Float64Array.from(met, (each) => each[side])
  const within = (met: readonly Met[], side: Side): number =>
    latencies(met, side).filter((ms) => ms < 2).length
  const durationMs = (met: readonly Met[]): number => met.reduce((sum, each) => sum + each.gapMs, 0)

  /** A figure of requests, and what it is where latencies are exponential with a mean. */
  interface Figure {
    readonly judged: JudgedMetric
    readonly of: (met: readonly Met[], side: Side) => number
    readonly truth: (mean: number) => number
  }
  const figures: Readonly<Record<string, Figure>> = {
    p90: {
      judged: p90,
      of: (met, side) => percentile(latencies(met, side), 0.9),
      truth: (mean) => mean * Math.log(10),
    },
    median: {
      judged: median,
      of: (met, side) => percentile(latencies(met, side), 0.5),
      truth: (mean) => mean * Math.log(2),
    },
    'ratio of totals': {
      judged: throughput,
      of: (met, side) => within(met, side) / durationMs(met),
      truth: (mean) => 1 - Math.exp(-2 / mean),
    },
    count: {
      judged: failed,
      of: (met, side) => met.length - within(met, side),
      truth: (mean) => WINDOWS * REQUESTS * Math.exp(-2 / mean),
    },
  }

  /** Half of the requests take so many times as long, the others as long as chance has it; windows differ in their rate. */
  function traffic(random: RandomStream, factor: number): Met[][] {
    return Array.from({ length: WINDOWS }, () => {
      const pace = 0.5 + random.float()
      return Array.from({ length: REQUESTS }, () => {
        const base = random.exponential(1)
        const other = random.float() < 0.5 ? random.exponential(factor) : factor * base
        return { base, other, gapMs: random.exponential(pace) }
      })
    })
  }

  const trial = (windows: readonly Met[][], { of }: Figure, side: Side): TrialResult[] => [
    {
      summary: summary(of(windows.flat(), side), WINDOWS * REQUESTS),
      withoutWindows: windows.map((_, i) =>
        summary(of(windows.filter((_, j) => j !== i).flat(), side), (WINDOWS - 1) * REQUESTS),
      ),
    },
  ]

  test.each(
    Object.keys(figures).flatMap((name) => [1, 1.3].map((factor) => [name, factor] as const)),
  )('%s, of latencies that become %s times as long', (name, factor) => {
    const figure = figures[name]!
    const random = new RandomStream(7, `${name} ${factor}`)
    const truth = figure.truth(factor) - figure.truth(1)
    let held = 0
    for (let i = 0; i < CASES; i++) {
      const windows = traffic(random, factor)
      const sides = [trial(windows, figure, 'base'), trial(windows, figure, 'other')] as const
      const { difference, ci95 } = pairedDifference(figure.judged, ...sides)!
      if (Math.abs(difference - truth) <= ci95!) held++
    }
    expect(held / CASES).toBeGreaterThan(0.91)
    expect(held / CASES).toBeLessThan(0.99)
  })
})
