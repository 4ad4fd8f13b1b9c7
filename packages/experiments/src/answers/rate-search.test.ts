import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type RateRange, RateSearch } from './rate-search.js'

function searched(range: RateRange, isCarried: (rate: number) => boolean) {
  const search = new RateSearch(range)
  const tried: number[] = []
  for (let value = search.next(); value !== undefined; value = search.next()) {
    tried.push(value[0])
    search.tell(value, isCarried(value[0]))
  }
  const { meets, misses } = search.border
  return { meets: meets?.[0], misses, tried }
}

test('a border of 100 from 30, by hand', () => {
  const range = { start: 30, min: 1, max: 1000, precision: 0.2 }
  const { meets, misses, tried } = searched(range, (rate) => rate <= 100)
  // Doubled to 120, then the middles by ratio of 60 and 120, and of 85 and 120.
  expect(tried.map(Math.round)).toEqual([30, 60, 120, 85, 101])
  expect([Math.round(meets!), Math.round(misses!)]).toEqual([85, 101])
})

test('encloses any border as tightly as asked, and tries no rate twice', () => {
  const border = fc.double({ min: 0.02, max: 9e5, noNaN: true })
  const start = fc.double({ min: 0.01, max: 1e6, noNaN: true })
  const precision = fc.constantFrom(0.3, 0.02, 0.001)
  fc.assert(
    fc.property(border, start, precision, (at, from, within) => {
      const range = { start: from, min: 0.01, max: 1e6, precision: within }
      const { meets, misses, tried } = searched(range, (rate) => rate <= at)
      expect(meets).toBeLessThanOrEqual(at)
      expect(misses).toBeGreaterThan(at)
      expect(misses! / meets!).toBeLessThanOrEqual(1 + within + 1e-12)
      expect(new Set(tried).size).toBe(tried.length)
    }),
  )
})

test('a border out of reach leaves one side open', () => {
  const range = { start: 8, min: 1, max: 100, precision: 0.1 }
  expect(searched(range, () => true)).toMatchObject({ meets: 100, misses: undefined })
  expect(searched(range, () => false)).toMatchObject({ meets: undefined, misses: 1 })
})
