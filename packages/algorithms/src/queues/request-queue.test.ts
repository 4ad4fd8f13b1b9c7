import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type QueuedRequest, queueDisciplines, RequestQueue } from './request-queue.js'

const request = fc.record({
  arrivalMs: fc.nat(5),
  priority: fc.nat(2),
  deadlineMs: fc.constantFrom(10, 20, Number.POSITIVE_INFINITY),
  uncachedTokens: fc.integer({ min: 1, max: 4 }),
})
const names = Object.keys(queueDisciplines) as (keyof typeof queueDisciplines)[]

test.each(names)('%s: what comes out is the least of what waits', (name) => {
  const discipline = queueDisciplines[name]
  const steps = fc.array(fc.option(request, { freq: 2 }), { maxLength: 60 })
  fc.assert(
    fc.property(steps, (steps) => {
      const queue = new RequestQueue<QueuedRequest>(discipline)
      let waiting: QueuedRequest[] = []
      for (const step of steps) {
        if (step !== null) {
          queue.push(step)
          waiting.push(step)
          continue
        }
        // A stable sort: of equals, the first to come is the first to go.
        const [first, ...rest] = waiting
          .map((request, i) => ({ request, i }))
          .sort(
            (a, b) =>
              b.request.priority - a.request.priority ||
              compare(discipline(a.request), discipline(b.request)) ||
              a.i - b.i,
          )
        expect(queue.peek()).toBe(first?.request)
        expect(queue.pop()).toBe(first?.request)
        waiting = rest.sort((a, b) => a.i - b.i).map(({ request }) => request)
      }
      expect(queue.length).toBe(waiting.length)
    }),
  )
})

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}

test('weighted shortest processing time prefers the short and the urgent', () => {
  const at = { arrivalMs: 0, deadlineMs: 0 }
  const { wspt } = queueDisciplines
  expect(wspt({ ...at, priority: 0, uncachedTokens: 100 })).toBe(-0.01)
  expect(wspt({ ...at, priority: 3, uncachedTokens: 100 })).toBe(-0.04)
})
