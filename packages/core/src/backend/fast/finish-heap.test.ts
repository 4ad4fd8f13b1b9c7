import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  admissionAt,
  firstFinish,
  HEAP_FIELDS,
  pushFinish,
  removeFinish,
  requestAt,
  shiftFinishes,
} from './finish-heap.js'

test('any mix of pushes, removals and shifts agrees with a sorted list', () => {
  const operation = fc.record({
    kind: fc.constantFrom('push', 'push', 'remove', 'shift'),
    finish: fc.nat(6),
    at: fc.nat(50),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const first = 5
      const heap = new Int32Array((first + 100) * HEAP_FIELDS)
      let model: { finish: number; request: number }[] = []
      operations.forEach(({ kind, finish, at }, request) => {
        const size = model.length
        if (kind === 'shift') {
          shiftFinishes(heap, first, size, 2)
          model = model.map((entry) => ({ ...entry, finish: entry.finish - 2 }))
        } else if (kind === 'remove' && size > 0) {
          const removed = requestAt(heap, first, at % size)
          expect(admissionAt(heap, first, at % size)).toBe(removed)
          removeFinish(heap, first, size, at % size)
          model = model.filter((entry) => entry.request !== removed)
        } else {
          pushFinish(heap, first, size, finish, request, request)
          model.push({ finish, request })
        }
        model.sort((a, b) => a.finish - b.finish || a.request - b.request)
        if (model.length > 0) {
          expect([firstFinish(heap, first), requestAt(heap, first, 0)]).toEqual(
            Object.values(model[0]!),
          )
        }
      })
    }),
  )
})
