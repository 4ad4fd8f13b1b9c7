import { expect, test } from 'vitest'
import { timeTicks } from './time-ticks.js'

/** All labels up to the end. */
function labels(mostMs: number, parts: number): string[] {
  const { stepMs, format } = timeTicks(mostMs, parts)
  const count = Math.ceil(mostMs / stepMs)
  return Array.from({ length: count + 1 }, (_, i) => format(i * stepMs))
}

test('an axis of time has round labels in one unit', () => {
  expect(labels(110, 4)).toEqual(['0', '50 ms', '100 ms', '150 ms'])
  expect(labels(2500, 5)).toEqual(['0', '0.5 s', '1 s', '1.5 s', '2 s', '2.5 s'])
  expect(labels(93_000, 5)).toEqual(['0', '20 s', '40 s', '60 s', '80 s', '100 s'])
  expect(labels(696_000, 3)).toEqual(['0', '5 min', '10 min', '15 min'])
  expect(labels(3_534_000, 3)).toEqual(['0', '20 min', '40 min', '60 min'])
  expect(labels(86_400_000, 4)).toEqual(['0', '6 h', '12 h', '18 h', '24 h'])
  expect(labels(7 * 86_400_000, 4)).toEqual(['0', '2 days', '4 days', '6 days', '8 days'])
  expect(labels(3 * 86_400_000, 4)).toEqual(['0', '1 day', '2 days', '3 days'])
  expect(labels(365 * 86_400_000, 4).at(-1)).toBe('400 days')
  const { stepMs, format } = timeTicks(10_013, 5, 10_001)
  expect([stepMs, format(10_005)]).toEqual([5, '10.005 s'])
  expect(labels(0.04, 4)).toEqual(['0', '0.01 ms', '0.02 ms', '0.03 ms', '0.04 ms'])
})
