import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sortByKey } from './sort-by-key.js'

test('ids are in order of their keys, equals by id, as any other sort has them', () => {
  const key = fc.constantFrom(Number.NEGATIVE_INFINITY, -1, 0, 0.5, 3, Number.POSITIVE_INFINITY)
  fc.assert(
    fc.property(fc.array(key, { maxLength: 60 }), fc.constantFrom(1, -1), (keys, sign) => {
      const ids = Int32Array.from(keys, (_, id) => (id * 7) % Math.max(1, keys.length))
      const distinct = Int32Array.from(new Set(ids))
      const order = (a: number, b: number): number => {
        const [x, y] = [sign * keys[a]!, sign * keys[b]!]
        return x === y ? a - b : x < y ? -1 : 1
      }
      const expected = [...distinct].sort(order)
      sortByKey(distinct, distinct.length, keys, sign as 1 | -1)
      expect([...distinct]).toEqual(expected)
    }),
  )
})
