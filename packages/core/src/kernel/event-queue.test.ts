import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from './event-queue.js'

test('events of one time come lowest subject first, whenever they were added', () => {
  const queue = new EventQueue()
  queue.push(5, 102)
  queue.push(5, 100)
  queue.push(1, 103)
  expect([queue.earliestMs, queue.pop(), queue.pop(), queue.pop()]).toEqual([1, 103, 100, 102])
  expect(queue.earliestMs).toBe(Number.POSITIVE_INFINITY)
})

test('any mix of pushes and pops agrees with a sorted list', () => {
  const operation = fc.option(fc.tuple(fc.nat(9), fc.nat(9)))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const queue = new EventQueue()
      const model: [number, number][] = []
      for (const event of operations) {
        if (event !== null) {
          queue.push(...event)
          model.push(event)
        } else if (model.length > 0) {
          model.sort((a, b) => a[0] - b[0] || a[1] - b[1])
          const [timeMs, subject] = model.shift()!
          expect([queue.earliestMs, queue.pop()]).toEqual([timeMs, subject])
        }
        expect(queue.size).toBe(model.length)
      }
    }),
  )
})
