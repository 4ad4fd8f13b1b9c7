import { defineRouter } from '@routesim/algorithms'
import { expect, test } from 'vitest'
import { type Dimension, tuneSpace } from './tune-space.js'

const counts = (bounds: { readonly min?: number; readonly max?: number }): Dimension => {
  const n = { default: 3, integer: true, description: 'A count.', ...bounds } as const
  const definition = defineRouter({
    name: 'counting',
    description: 'Counts.',
    parameters: { n },
    create: () => ({ route: (_, { backends }) => backends[0]! }),
  })
  const options = { definition, initial: { n: 3 }, fixed: new Set<string>(), only: undefined }
  return tuneSpace({ ...options, ranges: {} })[0]!
}

test('all whole numbers of a range come equally often, its ends too', () => {
  const { at } = counts({ min: 1, max: 5 })
  const often = new Map<unknown, number>()
  for (let i = 0; i < 1000; i++) {
    const value = at((i + 0.5) / 1000)
    often.set(value, (often.get(value) ?? 0) + 1)
  }
  expect([...often]).toEqual([1, 2, 3, 4, 5].map((value) => [value, 200]))
  expect([at(0), at(1)]).toEqual([1, 5])
})

test.each([
  ['even', { min: 1, max: 5 }],
  ['by ratio', { min: 1, max: 400 }],
  ['by ratio with 0 and no end', { min: 0 }],
])('a whole number lies where it is found: %s', (_, bounds) => {
  const { at, shareOf } = counts(bounds)
  for (const value of [1, 2, 3, 4, 5]) expect(at(shareOf(value))).toBe(value)
})
