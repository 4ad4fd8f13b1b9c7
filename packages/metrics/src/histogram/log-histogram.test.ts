import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { percentile } from '../statistics/percentile.js'
import { LogHistogram } from './log-histogram.js'

const quantiles = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1]
/** Anything a latency in ms can be, and zeros. */
const value = fc.oneof(
  fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
  fc.double({ min: 1, max: 100, noNaN: true }),
  fc.constant(0),
)

function histogramOf(values: readonly number[]): LogHistogram {
  const histogram = new LogHistogram()
  for (const each of values) histogram.add(each)
  return histogram
}

/** Equal but for the order in which sums were rounded. */
function expectSame(actual: number, expected: number): void {
  if (Number.isNaN(expected)) expect(actual).toBeNaN()
  else expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 * expected)
}

describe('LogHistogram', () => {
  test('counts a weighted value as often as its weight says', () => {
    const gaps = new LogHistogram()
    gaps.add(12.5, 99)
    gaps.add(80)
    expect(gaps).toMatchObject({ count: 100, sum: 1317.5, min: 12.5, max: 80, mean: 13.175 })
    expect(gaps.quantile(0.5)).toBeCloseTo(12.5, 1)
    expect(gaps.quantile(1)).toBe(80)
  })

  test('keeps zeros exact', () => {
    const histogram = histogramOf([0, 0, 0, 5])
    expect(histogram.quantile(0.5)).toBe(0)
    expect(histogram).toMatchObject({ min: 0, max: 5, mean: 1.25 })
    expect(histogramOf([0]).quantile(0.5)).toBe(0)
  })

  test('the deviation is that of all values, divided by their number', () => {
    // Mean 5; squares of distances 9 + 3 x 1 + 4 + 16 = 32, over 8.
    expect(histogramOf([2, 4, 4, 4, 5, 5, 7, 9]).deviation).toBeCloseTo(2, 12)
    expect(histogramOf([0, 0, 10, 10]).deviation).toBeCloseTo(5, 12)
    expect(new LogHistogram().deviation).toBeNaN()
  })

  test('has no statistics when empty', () => {
    const empty = new LogHistogram()
    expect(empty).toMatchObject({ count: 0, sum: 0, min: NaN, max: NaN, mean: NaN })
    expect(empty.quantile(0.5)).toBeNaN()
  })

  test('any quantile is within 0.4 % of the exact one', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), (values) => {
        const histogram = histogramOf(values)
        const column = Float64Array.from(values)
        for (const q of quantiles) {
          const exact = percentile(column, q)
          expect(Math.abs(histogram.quantile(q) - exact)).toBeLessThanOrEqual(0.004 * exact)
        }
        expect(histogram.quantile(0)).toBe(histogram.min)
        expect(histogram.quantile(1)).toBe(histogram.max)
      }),
    )
  })

  test('a value that shares its bucket with a crowd is within 0.4 % as well, and no better for it', () => {
    let worst = 0
    for (let start = 1e-3; start < 1e6; start *= 1.37) {
      for (let apart = 0.0002; apart < 0.02; apart += 0.0002) {
        const lone = start * (1 + apart)
        const histogram = histogramOf([lone, lone, 1e7])
        histogram.add(start, 10_000)
        worst = Math.max(worst, Math.abs(histogram.quantile(10_000 / 10_002) - lone) / lone)
      }
    }
    expect(worst).toBeLessThanOrEqual(0.004)
    expect(worst).toBeGreaterThan(0.003)
  })

  test('rounding at what would be the edge of a bucket does not show', () => {
    for (const edge of [12.5, 14.5, 17.5, 62.5]) {
      const below = edge * (1 - 1e-15)
      const others = [1, edge * 1.003, 100]
      const exact = histogramOf([...others, edge, edge, edge]).quantile(0.5)
      expectSame(histogramOf([...others, edge, edge, below]).quantile(0.5), exact)
      expectSame(histogramOf([...others, below, below, below]).quantile(0.5), exact)
    }
  })

  test('a value that occurs often is exact', () => {
    expect(histogramOf([1, ...new Array<number>(9).fill(17.4), 100]).quantile(0.5)).toBeCloseTo(
      17.4,
      12,
    )
  })

  test('merging is adding all values to one', () => {
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (left, right) => {
        const merged = histogramOf(left)
        merged.merge(histogramOf(right))
        const whole = histogramOf([...left, ...right])
        expect(merged.count).toBe(whole.count)
        expect(merged.min).toBe(whole.min)
        expect(merged.max).toBe(whole.max)
        expect(Math.abs(merged.sum - whole.sum)).toBeLessThanOrEqual(1e-12 * whole.sum)
        for (const q of quantiles) expectSame(merged.quantile(q), whole.quantile(q))
      }),
    )
  })

  test('a weight is the same as repetition', () => {
    const run = fc.tuple(value, fc.integer({ min: 1, max: 20 }))
    fc.assert(
      fc.property(fc.array(run, { minLength: 1 }), (runs) => {
        const weighted = new LogHistogram()
        for (const [each, weight] of runs) weighted.add(each, weight)
        const repeated = histogramOf(runs.flatMap(([each, n]) => new Array<number>(n).fill(each)))
        expect(weighted.count).toBe(repeated.count)
        for (const q of quantiles) expectSame(weighted.quantile(q), repeated.quantile(q))
      }),
    )
  })

  test.each([
    [Number.NaN, 1],
    [-1, 1],
    [Number.POSITIVE_INFINITY, 1],
    [1, 0],
    [1, Number.NaN],
  ])('refuses value %d with weight %d', (bad, weight) => {
    expect(() => new LogHistogram().add(bad, weight)).toThrow(/expected a finite value >= 0/)
  })

  test('a percentage instead of a fraction gets a hint', () => {
    expect(() => histogramOf([1]).quantile(99)).toThrow(
      'quantile: expected a number from 0 to 1, got 99: did you mean 0.99?',
    )
  })
})

test('a series is the same as its values one by one', () => {
  // Dyadic numbers, so that sums are exact in any order.
  const dyadic = (max: number) => fc.integer({ min: 1, max }).map((n) => n / 1024)
  fc.assert(
    fc.property(
      dyadic(1 << 20),
      fc.oneof(fc.constant(0), dyadic(1 << 12), dyadic(4)),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 9 }),
      (base, slope, steps, weight) => {
        const series = new LogHistogram()
        const single = new LogHistogram()
        series.addSeries(base, slope, steps, weight)
        for (let i = 0; i < steps; i++) single.add(base + i * slope, weight)
        const facts = (h: LogHistogram) => [
          ...[h.count, h.sum, h.min, h.max],
          ...Array.from({ length: 21 }, (_, i) => h.quantile(i / 20)),
        ]
        expect(facts(series)).toEqual(facts(single))
      },
    ),
  )
})

test.each([1e-17, 1e-20, 5e-324])(
  'a slope of %d, a rounding error, does not take for ever',
  (slope) => {
    for (const base of [10, 12.449, 1000]) {
      const series = new LogHistogram()
      series.addSeries(base, slope, 1000, 2)
      expect(series.count).toBe(2000)
      expect(series.quantile(0.5)).toBeCloseTo(base, 9)
    }
  },
)
