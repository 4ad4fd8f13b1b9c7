import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from './event-queue.js'

function drain(queue: EventQueue): [number, number, number][] {
  const popped: [number, number, number][] = []
  while (queue.pop()) popped.push([queue.timeMs, queue.kind, queue.subject])
  return popped
}

test('events of one time come lowest kind first, then lowest subject, whenever they were added', () => {
  const queue = new EventQueue()
  queue.push(5, 2, 102)
  queue.push(5, 0, 101)
  queue.push(5, 2, 100)
  queue.push(1, 3, 103)
  expect(drain(queue)).toEqual([
    [1, 3, 103],
    [5, 0, 101],
    [5, 2, 100],
    [5, 2, 102],
  ])
})

test('any mix of pushes and pops agrees with a sorted list', () => {
  const operation = fc.option(fc.tuple(fc.nat(9), fc.nat(3), fc.nat(3)))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const queue = new EventQueue()
      const model: [number, number, number][] = []
      for (const event of operations) {
        if (event !== null) {
          queue.push(...event)
          model.push(event)
          continue
        }
        model.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
        const earliest = model.shift()
        expect(queue.pop()).toBe(earliest !== undefined)
        if (earliest) expect([queue.timeMs, queue.kind, queue.subject]).toEqual(earliest)
      }
      expect(queue.size).toBe(model.length)
    }),
  )
})
