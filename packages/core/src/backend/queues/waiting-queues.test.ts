import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WaitingQueues } from './waiting-queues.js'

test('any mix of operations on several backends agrees with arrays', () => {
  const operation = fc.record({
    kind: fc.constantFrom('back', 'front', 'pop', 'remove'),
    backend: fc.nat(2),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queues = new WaitingQueues(3, operations.length)
      const models: number[][] = [[], [], []]
      operations.forEach(({ kind, backend }, request) => {
        const model = models[backend]!
        if (kind === 'back') {
          queues.pushBack(backend, request)
          model.push(request)
        } else if (kind === 'front') {
          queues.pushFront(backend, request)
          model.unshift(request)
        } else if (kind === 'remove') {
          const at = Math.floor(model.length / 2)
          expect(queues.remove(backend, model[at] ?? request)).toBe(model.length > 0)
          model.splice(at, 1)
        } else if (model.length > 0) {
          expect(queues.popFront(backend)).toBe(model.shift())
        }
        expect(queues.peek(backend)).toBe(model[0] ?? -1)
      })
    }),
  )
})
