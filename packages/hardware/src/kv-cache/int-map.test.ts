import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IntMap } from './int-map.js'

test('any mix of operations agrees with a Map', () => {
  const key = fc.oneof(fc.integer({ max: 20, min: -20 }), fc.integer())
  const operation = fc.tuple(fc.constantFrom('set', 'set', 'delete', 'get'), key)
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const map = new IntMap()
      const model = new Map<number, number>()
      operations.forEach(([name, at], i) => {
        if (name === 'set') {
          map.set(at, i)
          model.set(at, i)
        } else if (name === 'delete') {
          map.delete(at)
          model.delete(at)
        }
        expect(map.get(at)).toBe(model.get(at) ?? -1)
      })
      expect(map.size).toBe(model.size)
      for (const [at, value] of model) expect(map.get(at)).toBe(value)
    }),
    { numRuns: 300 },
  )
})
