import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { percentile, percentiles } from './percentile.js'

/** The definition, spelled out: numpy.quantile with its default method. */
function oracle(values: readonly number[], q: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const position = q * (sorted.length - 1)
  const t = position % 1
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return t < 0.5 ? below + (above - below) * t : above - (above - below) * (1 - t)
}

function bytes(column: Float64Array): Uint8Array {
  return new Uint8Array(column.buffer)
}

describe('percentile', () => {
  test('interpolates like numpy', () => {
    const column = Float64Array.of(40, 10, 30, 20)
    expect(percentile(column, 0.5)).toBe(25)
    expect(percentile(column, 0.9)).toBe(37)
    expect(percentile(column, 0)).toBe(10)
    expect(percentile(column, 1)).toBe(40)
    expect([...column]).toEqual([40, 10, 30, 20])
  })

  test('leaves absent values out', () => {
    expect(percentile(Float64Array.of(NaN, 3, NaN, 1), 0.5)).toBe(2)
    expect(percentile(Float64Array.of(NaN), 0.5)).toBeNaN()
    expect(percentile(new Float64Array(0), 0.5)).toBeNaN()
  })

  test('agrees with the definition', () => {
    const values = fc.array(fc.double({ noDefaultInfinity: true, min: -1e100, max: 1e100 }))
    const q = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(values, q, (column, fraction) => {
        expect(percentile(Float64Array.from(column), fraction)).toBe(oracle(column, fraction))
      }),
    )
  })

  test('selects from a long column what sorting it would give', () => {
    const size = 20_000
    const qs = [0, 0.001, 0.5, 0.75, 0.9, 0.99, 0.999, 1]
    const shapes: ((i: number) => number)[] = [
      (i) => Math.sin(i) * 1000,
      (i) => Math.exp(Math.sin(i * i) * 20),
      (i) => (i % 3 === 0 ? NaN : i % 7),
      () => 12.5,
      (i) => (i === 5 ? 1 : NaN),
      (i) => (i % 10 === 0 ? Math.abs(Math.sin(i)) * 1e-9 : 0),
      (i) => -(2 ** (i % 200)),
      (i) => (i % 2 === 0 ? 1e-300 * i : 1e5 + i),
      (i) => (i % 100 === 0 ? Number.POSITIVE_INFINITY : i),
      (i) => (i % 2 === 0 ? -1e100 : 1e100) * Math.cos(i),
    ]
    for (const shape of shapes) {
      const column = Float64Array.from({ length: size }, (_, i) => shape(i))
      const before = column.slice()
      const expected = qs.map((q) => oracle([...column], q))
      expect(percentiles(column, qs)).toEqual(expected)
      expect(Buffer.compare(bytes(column), bytes(before))).toBe(0)
    }
  })

  test('reads a part of a longer array', () => {
    const whole = Float64Array.from({ length: 50_000 }, (_, i) => i)
    expect(percentile(whole.subarray(10_000, 40_001), 0.5)).toBe(25_000)
    expect(percentile(new Float64Array(50_000).fill(NaN), 0.5)).toBeNaN()
  })
})
