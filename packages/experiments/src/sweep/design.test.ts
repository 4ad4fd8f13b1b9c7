import { expect, test } from 'vitest'
import { designPoints } from './design.js'

test('a grid has every combination, the last axis changing fastest', () => {
  const axes = { a: [1, 2], b: { from: 0, to: 1, steps: 3 } }
  expect(designPoints({ axes, sampling: 'grid', seed: 1 })).toEqual([
    { a: 1, b: 0 },
    { a: 1, b: 0.5 },
    { a: 1, b: 1 },
    { a: 2, b: 0 },
    { a: 2, b: 0.5 },
    { a: 2, b: 1 },
  ])
  expect(designPoints({ axes: {}, sampling: 'grid', seed: 1 })).toEqual([{}])
})

test('on a log scale values are in equal ratios, rounded if they are counts', () => {
  const range = { from: 16, to: 512, steps: 6, scale: 'log', integer: true } as const
  const points = designPoints({ axes: { n: range }, sampling: 'grid', seed: 1 })
  expect(points.map(({ n }) => n)).toEqual([16, 32, 64, 128, 256, 512])
})

test('a Latin hypercube has one value in each of as many parts of every axis', () => {
  const axes = { x: { from: 0, to: 100 }, y: { from: -1, to: 1 }, z: ['a', 'b'] }
  const points = designPoints({ axes, sampling: 'latin_hypercube', points: 50, seed: 7 })
  const parts = (values: readonly number[]) => values.map(Math.floor).sort((a, b) => a - b)
  const all = Array.from({ length: 50 }, (_, i) => i)
  expect(parts(points.map(({ x }) => Number(x) / 2))).toEqual(all)
  expect(parts(points.map(({ y }) => (Number(y) + 1) * 25))).toEqual(all)
  expect(points.filter(({ z }) => z === 'a')).toHaveLength(25)
  // Axes are shuffled apart.
  expect(points.map(({ x }) => x)).not.toEqual(points.map(({ x }) => x).sort())
})

test('each whole number of a range is in a sample as often as the next, both ends too', () => {
  const axes = {
    n: { from: 1, to: 3, integer: true },
    m: { from: 1, to: 7, scale: 'log', integer: true },
  } as const
  const points = designPoints({ axes, sampling: 'latin_hypercube', points: 12, seed: 42 })
  const counts = (values: readonly unknown[], of: readonly number[]) =>
    of.map((value) => values.filter((each) => each === value).length)
  const n = points.map((point) => point.n)
  expect(counts(n, [1, 2, 3])).toEqual([4, 4, 4])
  // From 1 to 2 as from 2 to 4 and from 4 to 8.
  const m = points.map((point) => Math.floor(Math.log2(Number(point.m))))
  expect(counts(m, [0, 1, 2])).toEqual([4, 4, 4])
})

test('samples depend on the seed alone', () => {
  const design = { axes: { x: { from: 0, to: 1 } }, sampling: 'random', points: 20 } as const
  expect(designPoints({ ...design, seed: 3 })).toEqual(designPoints({ ...design, seed: 3 }))
  expect(designPoints({ ...design, seed: 3 })).not.toEqual(designPoints({ ...design, seed: 4 }))
})

test.each([
  [{ axes: { a: [] }, sampling: 'grid' }, 'set a: expected at least one value, got none'],
  [
    { axes: { a: { from: 2, to: 1 } }, sampling: 'random', points: 2 },
    'set a: expected numbers, from below to, got 2 and 1',
  ],
  [{ axes: { a: { from: 0, to: 1 } }, sampling: 'grid' }, 'set a: expected steps for a grid'],
  [
    { axes: { a: { from: 0, to: 1, scale: 'log' } }, sampling: 'random', points: 2 },
    'set a: expected from > 0 on a log scale, got 0',
  ],
  [{ axes: { a: [1] }, sampling: 'random' }, 'sampling: expected points beside random, got none'],
  [{ axes: { a: [1] }, sampling: 'grid', points: 3 }, 'points: expected none for a grid, got 3'],
] as const)('%o is refused', (design, message) => {
  expect(() => designPoints({ ...design, seed: 1 })).toThrow(message)
})
