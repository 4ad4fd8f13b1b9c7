import { RandomStream } from '@routesim/core'
import { describe, expect, it } from 'vitest'
import { ksDistance, ksLimit, moments } from '../testing/statistics.js'
import { type Distribution, inMs, sampler, tokenSampler } from './distribution.js'
import { meanOf } from './workload-extent.js'

const COUNT = 20_000

function draws(distribution: Distribution, least = 0): number[] {
  const draw = sampler(distribution, least, new RandomStream(11, 'draws'))
  return Array.from({ length: COUNT }, draw)
}

function tokens(distribution: Distribution, least = 1): number[] {
  const draw = tokenSampler(distribution, new RandomStream(11, 'draws'), least)
  return Array.from({ length: COUNT }, draw)
}

/** The standard normal distribution, by Simpson's rule. */
function normalCdf(x: number): number {
  const steps = 200
  const width = x / steps
  const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)
  let sum = density(0) + density(x)
  for (let i = 1; i < steps; i++) sum += density(i * width) * (i % 2 === 0 ? 2 : 4)
  return 0.5 + (sum * width) / 3
}

const sigma = Math.sqrt(Math.log1p(0.25))

describe('continuous ones are what they are called', () => {
  it.each<[Distribution, (x: number) => number]>([
    [{ kind: 'exponential', mean: 4 }, (x) => 1 - Math.exp(-x / 4)],
    [{ kind: 'uniform', min: 2, max: 5 }, (x) => (x - 2) / 3],
    [{ kind: 'normal', mean: 50, std: 5 }, (x) => normalCdf((x - 50) / 5)],
    [
      { kind: 'lognormal', mean: 100, std: 50 },
      (x) => normalCdf((Math.log(x) - Math.log(100) + sigma ** 2 / 2) / sigma),
    ],
  ])('%o', (distribution, cdf) => {
    const values = draws(distribution)
    expect(ksDistance(values, cdf)).toBeLessThan(ksLimit(COUNT))
    const { mean, std } = moments(values)
    expect(Math.abs(mean - meanOf(distribution))).toBeLessThan((4 * std) / Math.sqrt(COUNT))
  })
})

/** Chi-square of counts to shares, and how much is too much at the 0.1 % level (Wilson and Hilferty). */
function chiSquare(values: readonly number[], shares: ReadonlyMap<number, number>) {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let sum = 0
  let seen = 0
  for (const [value, share] of shares) {
    const expected = share * values.length
    sum += ((counts.get(value) ?? 0) - expected) ** 2 / expected
    seen += counts.get(value) ?? 0
  }
  const freedom = shares.size - 1
  const limit = freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3
  return { sum, limit, seen }
}

function sharesOf(from: number, to: number, weight: (k: number) => number): Map<number, number> {
  const keys = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const total = keys.reduce((sum, k) => sum + weight(k), 0)
  return new Map(keys.map((k) => [k, weight(k) / total]))
}

describe('whole ones are what they are called', () => {
  it.each<[Distribution, ReadonlyMap<number, number>]>([
    [{ kind: 'zipf', exponent: 1.2, max: 20 }, sharesOf(1, 20, (k) => k ** -1.2)],
    [{ kind: 'zipf', exponent: 0.6, min: 5, max: 30 }, sharesOf(5, 30, (k) => k ** -0.6)],
    [{ kind: 'uniform', min: 3, max: 12 }, sharesOf(3, 12, () => 1)],
    [
      { kind: 'empirical', values: [10, 20, 30], weights: [1, 0.5, 2.5] },
      new Map([
        [10, 0.25],
        [20, 0.125],
        [30, 0.625],
      ]),
    ],
  ])('%o', (distribution, shares) => {
    const values = tokens(distribution)
    const { sum, limit, seen } = chiSquare(values, shares)
    expect(seen).toBe(COUNT)
    expect(sum).toBeLessThan(limit)
    const { mean, std } = moments(values)
    expect(Math.abs(mean - meanOf(distribution))).toBeLessThan((4 * std) / Math.sqrt(COUNT))
  })

  it('geometric: 1, 2, 3... with the mean', () => {
    const values = tokens({ kind: 'geometric', mean: 4 })
    const geometric = sharesOf(1, 20, (k) => 0.25 * 0.75 ** (k - 1))
    const { sum, limit } = chiSquare(
      values.filter((k) => k <= 20),
      geometric,
    )
    expect(sum).toBeLessThan(limit)
    expect(Math.abs(moments(values).mean - 4)).toBeLessThan(0.1)
  })
})

describe('limits', () => {
  it('min and max clip; normal ones below what makes sense are drawn again', () => {
    const clipped = draws({ kind: 'exponential', mean: 4, min: 2, max: 5 })
    expect(Math.min(...clipped)).toBe(2)
    expect(Math.max(...clipped)).toBe(5)
    expect(clipped.filter((x) => x === 5).length / COUNT).toBeCloseTo(Math.exp(-5 / 4), 2)
    const again = draws({ kind: 'normal', mean: 1, std: 2 }, 0)
    expect(Math.min(...again)).toBeGreaterThanOrEqual(0)
    expect(again.filter((x) => x === 0)).toEqual([])
  })

  it('tokens are whole and at least 1, or 0 where that may be', () => {
    expect(new Set(tokens(0.3))).toEqual(new Set([1]))
    expect(new Set(tokens(0, 0))).toEqual(new Set([0]))
    expect(tokens({ kind: 'exponential', mean: 1 }).every((n) => n >= 1)).toBe(true)
    expect(Math.max(...tokens({ kind: 'fixed', value: 1e12 }))).toBe(0x3fffffff)
  })

  it('seconds become ms, in every field', () => {
    expect(inMs(2)).toBe(2000)
    expect(inMs({ kind: 'normal', mean: 1, std: 2, min: 3, max: 4 })).toEqual({
      kind: 'normal',
      mean: 1000,
      std: 2000,
      min: 3000,
      max: 4000,
    })
    expect(inMs({ kind: 'empirical', values: [1, 2], weights: [3, 4] })).toEqual({
      kind: 'empirical',
      values: [1000, 2000],
      weights: [3, 4],
    })
    expect(inMs({ kind: 'fixed', value: 5 })).toEqual({ kind: 'fixed', value: 5000 })
  })
})
