import { expect, test } from 'vitest'
import { EventLoop } from './event-loop.js'

test('the clock follows the events, and stops after as many as asked for', () => {
  const loop = new EventLoop()
  const log: string[] = []
  const handler = {
    handle(kind: number, subject: number): void {
      log.push(`${loop.nowMs}:${kind}:${subject}`)
      if (subject === 1) loop.schedule(loop.nowMs + 2, 0, 3)
    },
  }
  loop.schedule(1, 0, 1)
  loop.schedule(2, 0, 2)
  expect(loop.run(handler, 2)).toBe(false)
  expect(log).toEqual(['1:0:1', '2:0:2'])
  expect(loop.run(handler, 9)).toBe(true)
  expect(log).toEqual(['1:0:1', '2:0:2', '3:0:3'])
})

test('an event in the past or at no time at all is refused', () => {
  const loop = new EventLoop()
  loop.schedule(5, 0, 0)
  loop.run({ handle: () => {} }, 1)
  expect(() => loop.schedule(4, 0, 0)).toThrow('event at 4 ms: expected a time >= now, 5 ms')
  expect(() => loop.schedule(Number.NaN, 0, 0)).toThrow('event at NaN ms')
})
