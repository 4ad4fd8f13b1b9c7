import { expect, test } from 'vitest'
import { SynthesisClock } from './synthesis-clock.js'

/** Two requests at a time, one 300 ms later. */
const arrivalMs = Float64Array.of(1000, 1000, 1300)

test('by hand: gaps and how many come together are those of the trace, sped up', () => {
  const clock = new SynthesisClock(arrivalMs, 2, 1)
  const times = Array.from({ length: 300 }, () => clock.next())
  expect(times[0]).toBe(0)
  const gaps = times.slice(1).map((ms, i) => ms - times[i]!)
  expect(new Set(gaps)).toEqual(new Set([0, 150]))
  // Half of the times have two requests.
  const alone = gaps.filter((gap, i) => gap === 150 && gaps[i - 1] === 150).length
  expect(alone).toBeGreaterThan(70)
  expect(alone).toBeLessThan(130)
})

test('by hand: another pass begins a mean gap after the end of the one before', () => {
  const clock = new SynthesisClock(Float64Array.of(1000, 1100, 1400), 2, 1)
  const times = [0, 1].map((pass) => [0, 1, 2].map((row) => clock.follow(row, pass)))
  // 400 ms and a pause of 200, all at twice the speed.
  expect(times).toEqual([
    [0, 50, 200],
    [300, 350, 500],
  ])
})

test('requests that all come at once come at once again', () => {
  const clock = new SynthesisClock(Float64Array.of(7, 7), 1, 1)
  expect([clock.next(), clock.next(), clock.next()]).toEqual([0, 0, 0])
  expect(clock.follow(1, 3)).toBe(0)
})
