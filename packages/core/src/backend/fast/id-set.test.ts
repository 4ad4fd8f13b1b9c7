import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdSet } from './id-set.js'

test('any mix of additions and removals agrees with a Set', () => {
  const operation = fc.record({ add: fc.boolean(), id: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const set = new IdSet(10)
      const model = new Set<number>()
      for (const { add, id } of operations) {
        if (add) set.add(id)
        else set.remove(id)
        if (add) model.add(id)
        else model.delete(id)
        expect(new Set(set.members.subarray(0, set.size))).toEqual(model)
        expect(set.size).toBe(model.size)
        expect(set.has(id)).toBe(model.has(id))
      }
    }),
  )
})
