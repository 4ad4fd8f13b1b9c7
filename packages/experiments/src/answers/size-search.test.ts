import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TriedValue } from './border-search.js'
import { type SizeRange, SizeSearch } from './size-search.js'

function searched(range: SizeRange, isEnough: (size: TriedValue) => boolean) {
  const search = new SizeSearch(range)
  const tried: TriedValue[] = []
  for (let size = search.next(); size !== undefined; size = search.next()) {
    tried.push(size)
    search.tell(size, isEnough(size))
  }
  return { ...search.border, tried }
}

test('of one pool, both neighbours of the border are known', () => {
  const number = fc.integer({ min: 1, max: 4096 })
  fc.assert(
    fc.property(number, number, (at, start) => {
      const range = { start: [start], most: [4096], least: 1, others: 0 }
      const { meets, misses, tried } = searched(range, ([count]) => count! >= at)
      expect(meets).toEqual([at])
      expect(misses).toBe(at === 1 ? undefined : at - 1)
      expect(tried.length).toBeLessThanOrEqual(24)
    }),
  )
})

test('four that prefill and two that decode from two and three, by hand', () => {
  const range = { start: [2, 3], most: [128, 192], least: 2, others: 0 }
  const found = searched(range, ([prefill, decode]) => prefill! >= 4 && decode! >= 2)
  expect(found).toEqual({
    meets: [4, 2],
    misses: 5,
    tried: [
      ...[
        [2, 3],
        [4, 6],
        [2, 6],
        [3, 6],
        [4, 3],
        [4, 1],
        [4, 2],
      ],
    ],
  })
})

/** The fewest second ones for each number of first ones, never more for more of them. */
const stairs = fc
  .array(fc.integer({ min: 1, max: 30 }), { minLength: 20, maxLength: 20 })
  .map((steps) => steps.sort((a, b) => b - a))

test('of two pools, no other fleet that is enough is smaller, and few are tried', () => {
  const start = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }))
  fc.assert(
    fc.property(stairs, start, fc.integer({ min: 0, max: 3 }), (fewest, from, others) => {
      const isEnough = ([first, second]: TriedValue) => second! >= fewest[first! - 1]!
      const range = { start: from, most: [20, 30], least: 2, others }
      const { meets, misses, tried } = searched(range, isEnough)
      const smallest = Math.min(...fewest.map((second, i) => i + 1 + second))
      expect(meets![0]! + meets![1]!).toBe(smallest)
      expect(isEnough(meets!)).toBe(true)
      expect(misses).toBe(smallest === 2 ? undefined : others + smallest - 1)
      expect(new Set(tried.map(String)).size).toBe(tried.length)
      expect(tried.length).toBeLessThanOrEqual((20 * 30) / 5)
    }),
  )
})

test('pools that are each needed on their own take no more than a search of each', () => {
  const count = fc.integer({ min: 1, max: 60 })
  fc.assert(
    fc.property(count, count, (first, second) => {
      const range = { start: [2, 3], most: [128, 192], least: 2, others: 0 }
      const { meets, tried } = searched(range, ([a, b]) => a! >= first && b! >= second)
      expect(meets).toEqual([first, second])
      expect(tried.length).toBeLessThanOrEqual(5 + 6 + 7 + 3)
    }),
  )
})

test('a fleet is no smaller than it may be, and where none is enough, that is known of the largest', () => {
  const range = { start: [2, 3], most: [8, 12], least: 4, others: 1 }
  const all = searched(range, () => true)
  expect(all.meets![0]! + all.meets![1]!).toBe(4)
  expect(all.tried.every(([a, b]) => a! + b! >= 4)).toBe(true)
  expect(searched(range, () => false)).toMatchObject({ meets: undefined, misses: 21 })
})
