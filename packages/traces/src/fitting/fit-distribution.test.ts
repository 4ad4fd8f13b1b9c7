import { expect, test } from 'vitest'
import { fitDistribution } from './fit-distribution.js'

const repeated = (...values: number[]): Float64Array =>
  Float64Array.from({ length: 600 }, (_, i) => values[i % values.length]!)

test('priorities around 0 do not all become 0', () => {
  expect(fitDistribution(repeated(-1, 0, 1), true)).toEqual({ kind: 'uniform', min: -1, max: 1 })
  expect(fitDistribution(repeated(-1, 0, 0, 0, 1), true)).toEqual({
    kind: 'empirical',
    values: [-1, 0, 1],
    weights: [0.2, 0.6, 0.2],
  })
})

test('a few lengths keep all their digits', () => {
  expect(fitDistribution(repeated(4096, 4096, 131_072), true)).toEqual({
    kind: 'empirical',
    values: [4096, 131_072],
    weights: [0.6667, 0.3333],
  })
})
