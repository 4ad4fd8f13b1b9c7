import { expect, test } from 'vitest'
import { RandomStream } from './random-stream.js'

function draws(count: number, draw: () => number): number[] {
  return Array.from({ length: count }, draw)
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}

test('a seed and a name always give the same numbers', () => {
  const stream = new RandomStream(42, 'router')
  expect(draws(4, () => stream.uint32())).toMatchInlineSnapshot(`
    [
      3331026737,
      1876615919,
      2679749420,
      4144377722,
    ]
  `)
})

test('another seed, another name and the high bits of a seed give other numbers', () => {
  const firsts = [
    new RandomStream(1, 'a'),
    new RandomStream(2, 'a'),
    new RandomStream(1, 'b'),
    new RandomStream(1 + 2 ** 32, 'a'),
  ].map((stream) => stream.uint32())
  expect(new Set(firsts).size).toBe(4)
})

test('integers are even over their range', () => {
  const stream = new RandomStream(7, 'test')
  const counts = new Array<number>(6).fill(0)
  for (let i = 0; i < 60_000; i++) counts[stream.integer(6)]!++
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)
  expect(chiSquare).toBeLessThan(20.5) // 99.9 % point of 5 degrees of freedom
})

test.each([
  ['float', (s: RandomStream) => s.float(), 0.5, Math.sqrt(1 / 12)],
  ['exponential', (s: RandomStream) => s.exponential(3), 3, 3],
  ['normal', (s: RandomStream) => s.normal(), 0, 1],
  ['gamma above shape 1', (s: RandomStream) => s.gamma(4, 0.5), 2, 1],
  ['gamma below shape 1', (s: RandomStream) => s.gamma(0.25, 4), 1, 2],
])('%s has its mean and standard deviation', (_, draw, expectedMean, expectedDeviation) => {
  const stream = new RandomStream(11, 'test')
  const values = draws(100_000, () => draw(stream))
  expect(Math.abs(mean(values) - expectedMean)).toBeLessThan(0.03 * expectedDeviation)
  expect(deviation(values) / expectedDeviation).toBeCloseTo(1, 1)
})

test('a stream goes on from a state as it did, the spare normal number included', () => {
  const stream = new RandomStream(5, 'test')
  stream.normal()
  const state = stream.state()
  const after = draws(5, () => stream.normal())
  const other = new RandomStream(6, 'other')
  other.restore(state)
  expect(draws(5, () => other.normal())).toEqual(after)
})
