import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FinishHeap } from './finish-heap.js'

test('any mix of pushes and removals agrees with a sorted list', () => {
  const operation = fc.record({ remove: fc.boolean(), finish: fc.nat(6), at: fc.nat(50) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const heap = new FinishHeap(100)
      const model: { finish: number; request: number }[] = []
      operations.forEach(({ remove, finish, at }, request) => {
        if (remove && heap.size > 0) {
          const removed = heap.requestAt(at % heap.size)
          heap.removeAt(at % heap.size)
          model.splice(
            model.findIndex((entry) => entry.request === removed),
            1,
          )
        } else {
          heap.push(finish, request, request)
          model.push({ finish, request })
        }
        model.sort((a, b) => a.finish - b.finish || a.request - b.request)
        expect(heap.size).toBe(model.length)
        if (model.length > 0)
          expect([heap.firstFinish, heap.requestAt(0)]).toEqual(Object.values(model[0]!))
      })
    }),
  )
})
