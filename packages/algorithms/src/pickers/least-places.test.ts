import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leastPlaces } from './least-places.js'

const native = leastPlaces()!

function found(costs: ArrayLike<number>, size = costs.length): number[] {
  const count = native.find(costs, size)
  return Array.from(native.places.subarray(0, Math.max(count, 0)))
}

describe('the places of the least of some costs', () => {
  const cost = fc.oneof(
    fc.integer({ min: -2, max: 2 }),
    fc.constantFrom(0, -0, Infinity, -Infinity),
    fc.double({ noNaN: true }),
  )

  test('are those of all that are equal to it, in order', () => {
    fc.assert(
      fc.property(fc.array(cost, { minLength: 1, maxLength: 70 }), (costs) => {
        const least = Math.min(...costs)
        const expected = costs.flatMap((cost, place) => (cost === least ? [place] : []))
        expect(found(costs)).toEqual(expected)
        expect(found(Float64Array.from(costs))).toEqual(expected)
      }),
      { numRuns: 2000 },
    )
  })

  test('of integers are the same', () => {
    const extreme = fc.constantFrom(-2_147_483_648, 2_147_483_647)
    const integer = fc.oneof(fc.integer({ min: -2, max: 2 }), extreme)
    fc.assert(
      fc.property(fc.array(integer, { minLength: 1, maxLength: 70 }), (costs) => {
        expect(found(Int32Array.from(costs))).toEqual(found(costs))
      }),
      { numRuns: 2000 },
    )
    const costs = Int32Array.from({ length: 20_000 }, (_, i) => i % 9999)
    expect(found(costs)).toEqual([0, 9999, 19_998])
    expect(found(costs, 9999)).toEqual([0])
  })

  test('are not asked for beyond the size', () => {
    expect(found([3, 2, 2, 1], 3)).toEqual([1, 2])
  })

  test('there are none when a cost is no number, wherever it stands', () => {
    for (let place = 0; place < 9; place++) {
      const costs = Float64Array.from({ length: 9 }, (_, i) => (i === place ? NaN : i))
      expect(native.find(costs, 9)).toBe(-1)
    }
    expect(native.find([1, 2, 3], 4)).toBe(-1)
  })

  test('of many at once', () => {
    const costs = Float64Array.from({ length: 20_000 }, (_, i) => i % 9999)
    expect(found(costs)).toEqual([0, 9999, 19_998])
    expect(found([2, 1])).toEqual([1])
  })
})
