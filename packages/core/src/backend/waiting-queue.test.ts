import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WaitingQueue } from './waiting-queue.js'

test('any mix of operations agrees with an array', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('back', 'front', 'pop'), { maxLength: 200 }),
      (operations) => {
        const queue = new WaitingQueue()
        const model: number[] = []
        operations.forEach((operation, i) => {
          if (operation === 'back') {
            queue.pushBack(i)
            model.push(i)
          } else if (operation === 'front') {
            queue.pushFront(i)
            model.unshift(i)
          } else if (model.length > 0) {
            expect(queue.peek()).toBe(model[0])
            expect(queue.popFront()).toBe(model.shift())
          }
          expect(queue.size).toBe(model.length)
        })
      },
    ),
  )
})
