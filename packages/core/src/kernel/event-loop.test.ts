import { expect, test } from 'vitest'
import { EventLoop } from './event-loop.js'

/** Writes down what happens, and lets a story react to it. */
function logged(loop: EventLoop, react: (what: string) => void = () => {}) {
  const log: string[] = []
  const note = (kind: string) => (subject: number) => {
    const what = `${loop.clock.nowMs} ${kind} ${subject}`
    log.push(what)
    react(what)
  }
  const handler = {
    alarm: note('alarm'),
    event: note('event'),
    enter: note('enter'),
    settle: note('settle'),
  }
  return { log, handler }
}

function setAlarm(loop: EventLoop, agent: number, timeMs: number): void {
  loop.alarmMs[agent] = timeMs
  loop.alarmChanged(agent)
}

test('at one instant: alarms, events, entries, settling', () => {
  const loop = new EventLoop(3, Float64Array.of(5, 5))
  const { log, handler } = logged(loop, (what) => {
    if (what === '5 alarm 2' || what === '5 enter 0') loop.settleLater(1)
  })
  loop.schedule(5, 7)
  setAlarm(loop, 2, 5)
  setAlarm(loop, 0, 5)
  expect(loop.run(handler, 99)).toBe(true)
  expect(log).toEqual([
    '5 alarm 0',
    '5 alarm 2',
    '5 event 7',
    '5 enter 0',
    '5 enter 1',
    '5 settle 1',
  ])
})

test('alarms whose last bits differ go off in order of agents, and the clock does not go back', () => {
  const loop = new EventLoop(3, Float64Array.of())
  const { log, handler } = logged(loop, () => {})
  const before = 1000 - 1e-10
  setAlarm(loop, 2, before)
  setAlarm(loop, 0, 1000)
  setAlarm(loop, 1, 1000 + 1e-7)
  loop.run(handler, 99)
  expect(log).toEqual(['1000 alarm 0', '1000 alarm 2', `${1000 + 1e-7} alarm 1`])
})

test('events whose last bits differ come in order of subjects, those that are scheduled meanwhile too', () => {
  const loop = new EventLoop(1, Float64Array.of())
  const { log, handler } = logged(loop, (what) => {
    if (what === '1000 event 3') loop.schedule(1000, 1)
  })
  loop.schedule(1000 - 1e-10, 7)
  loop.schedule(1000 - 2e-10, 5)
  loop.schedule(1000, 3)
  loop.schedule(1000 + 1e-7, 2)
  loop.run(handler, 99)
  expect(log).toEqual([
    '1000 event 3',
    '1000 event 1',
    '1000 event 5',
    '1000 event 7',
    `${1000 + 1e-7} event 2`,
  ])
})

test('an alarm that an event sets for the same instant goes off before the next event', () => {
  const loop = new EventLoop(1, Float64Array.of())
  const { log, handler } = logged(loop, (what) => {
    if (what === '5 event 3') setAlarm(loop, 0, 5)
  })
  loop.schedule(5, 3)
  loop.schedule(5, 4)
  expect(loop.run(handler, 99)).toBe(true)
  expect(log).toEqual(['5 event 3', '5 alarm 0', '5 event 4'])
})

test('an event of this instant can be called off by one before it', () => {
  const loop = new EventLoop(1, Float64Array.of())
  const { log, handler } = logged(loop, (what) => {
    if (what.endsWith('event 3'))
      expect([loop.pendingEvents, loop.cancel(4), loop.pendingEvents]).toEqual([1, true, 0])
  })
  loop.schedule(5, 3)
  loop.schedule(5 + 1e-12, 4)
  expect(loop.run(handler, 99)).toBe(true)
  expect(log.length).toBe(1)
})

test('an alarm that an entry sets for the same instant goes off before the next entry', () => {
  const loop = new EventLoop(1, Float64Array.of(5, 5))
  const { log, handler } = logged(loop, (what) => {
    if (what === '5 enter 0') setAlarm(loop, 0, 5)
  })
  loop.run(handler, 99)
  expect(log).toEqual(['5 enter 0', '5 alarm 0', '5 enter 1'])
})

test('what settling schedules for the same instant starts over', () => {
  const loop = new EventLoop(1, Float64Array.of(5))
  const { log, handler } = logged(loop, (what) => {
    if (what === '5 enter 0') loop.settleLater(0)
    if (what === '5 settle 0') loop.schedule(5, 3)
  })
  loop.run(handler, 99)
  expect(log).toEqual(['5 enter 0', '5 settle 0', '5 event 3'])
})

test('agents settle in order, whoever asked first, and again when they ask again', () => {
  const loop = new EventLoop(3, Float64Array.of(5))
  let again = 2
  const { log, handler } = logged(loop, (what) => {
    if (what === '5 enter 0') for (const agent of [1, 0, 2, 1]) loop.settleLater(agent)
    if (what === '5 settle 1' && again-- > 0) for (const agent of [1, 0]) loop.settleLater(agent)
  })
  loop.run(handler, 99)
  expect(log.slice(1).map((what) => Number(what.at(-1)))).toEqual([0, 1, 0, 1, 0, 1, 2])
})

test('the clock stops between two instants, after as many things as asked for', () => {
  const loop = new EventLoop(1, Float64Array.of(1, 2, 2, 3))
  const { log, handler } = logged(loop)
  expect(loop.run(handler, 2)).toBe(false)
  expect(log).toEqual(['1 enter 0', '2 enter 1', '2 enter 2'])
  expect(loop.run(handler, 1)).toBe(true)
})

test('an event in the past or at no time at all is refused', () => {
  const loop = new EventLoop(1, Float64Array.of(5))
  loop.run(logged(loop).handler, 9)
  expect(() => loop.schedule(4, 0)).toThrow('event at 4 ms: expected a time >= now, 5 ms')
  expect(() => setAlarm(loop, 0, Number.NaN)).toThrow('event at NaN ms')
})
