import { expect, test } from 'vitest'
import { eventMarks, eventsSentence } from './event-marks.js'
import { backendsOverTime } from './over-time.js'

const events = [
  { atMs: 80_000, backend: 3, kind: 'recover' },
  { atMs: 40_000, backend: 3, kind: 'fail' },
  { atMs: 100, backend: 1, kind: 'slow', factor: 2.5 },
] as const

test('marks count from where the axis begins, and leave out what was before', () => {
  expect(eventMarks(events, 1000)).toEqual([
    { axis: 'x', value: 79_000, label: 'backend 3 is back' },
    { axis: 'x', value: 39_000, label: 'backend 3 fails' },
  ])
})

test('a sentence tells them in order, and only a count when there are many', () => {
  expect(eventsSentence(events)).toBe(
    'Backend 1 takes 2.5 times as long at 100 ms, backend 3 fails at 40 s, backend 3 is back at 80 s.',
  )
  expect(eventsSentence([])).toBe('')
  const many = Array.from({ length: 13 }, () => events[0])
  expect(eventsSentence(many)).toBe('13 events of backends.')
})

test.each([2, 8])('charts of %d backends over time bear them', (count) => {
  const chart = backendsOverTime({
    ...{ id: 'x', title: 'Waiting', label: 'a', unit: 'number', most: 1 },
    fromMs: [0, 50_000],
    intervalMs: 50_000,
    marks: eventMarks(events, 0),
    backends: Array.from({ length: count }, (_, id) => ({ id, values: [0, 1] })),
  })
  expect(chart).toMatchObject({ marks: [{ value: 80_000 }, { value: 40_000 }, { value: 100 }] })
})
