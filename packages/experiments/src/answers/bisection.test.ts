import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bisection, type BisectionOptions } from './bisection.js'

function search(options: BisectionOptions, isBelow: (value: number) => boolean) {
  const bisection = new Bisection(options)
  const tried: number[] = []
  for (let value = bisection.next(); value !== undefined; value = bisection.next()) {
    tried.push(value)
    bisection.tell(value, isBelow(value))
  }
  return { ...bisection.bracket, tried }
}

test('a border of 100 from 30, by hand', () => {
  const options = { start: 30, min: 1, max: 1000, precision: 0.2, integer: false }
  const { below, above, tried } = search(options, (value) => value <= 100)
  // Doubled to 120, then the middles by ratio of 60 and 120, and of 85 and 120.
  expect(tried.map(Math.round)).toEqual([30, 60, 120, 85, 101])
  expect([Math.round(below!), Math.round(above!)]).toEqual([85, 101])
})

test('encloses any border as tightly as asked, and tries no value twice', () => {
  const border = fc.double({ min: 0.02, max: 9e5, noNaN: true })
  const start = fc.double({ min: 0.01, max: 1e6, noNaN: true })
  const precision = fc.constantFrom(0.3, 0.02, 0.001)
  fc.assert(
    fc.property(border, start, precision, (at, from, within) => {
      const options = { start: from, min: 0.01, max: 1e6, precision: within, integer: false }
      const { below, above, tried } = search(options, (value) => value <= at)
      expect(below).toBeLessThanOrEqual(at)
      expect(above).toBeGreaterThan(at)
      expect(above! / below!).toBeLessThanOrEqual(1 + within + 1e-12)
      expect(new Set(tried).size).toBe(tried.length)
    }),
  )
})

test('of integers, both neighbours of the border are known', () => {
  const number = fc.integer({ min: 1, max: 4096 })
  fc.assert(
    fc.property(number, number, (at, start) => {
      const options = { start, min: 1, max: 4096, precision: 0, integer: true }
      const { below, above, tried } = search(options, (value) => value < at)
      expect(above).toBe(at)
      expect(below).toBe(at === 1 ? undefined : at - 1)
      expect(tried.every(Number.isInteger)).toBe(true)
    }),
  )
})

test('a border out of reach leaves one side open', () => {
  const options = { start: 8, min: 1, max: 100, precision: 0.1, integer: false }
  expect(search(options, () => true)).toMatchObject({ below: 100, above: undefined })
  expect(search(options, () => false)).toMatchObject({ below: undefined, above: 1 })
})
