import { expect, test } from 'vitest'
import { fitDistribution } from './fit-distribution.js'
import { rounded } from './rounded.js'

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

test('by hand: many lengths become the means between 27 quantiles, to three digits', () => {
  // Ten each of 10, 11, 20, 21 ... 101, and of 1010, 1011 ... 1101: nothing that has a name.
  const groups = Array.from({ length: 20 }, (_, i) => (i < 10 ? 10 * (i + 1) : 10 * (i + 91)))
  const values = groups.flatMap((least) =>
    Array.from({ length: 20 }, (_, i) => (i < 10 ? least : least + 1)),
  )
  // Each twentieth but the last two is a group: its mean is half above a whole number, or 4 digits long.
  const small = [11, 21, 31, 41, 51, 61, 71, 81, 91, 101]
  const large = [1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080]
  // 361 to 376 are 1090 and 1091, 377 to 384 half of them 1100, so 1095.5.
  expect(fitDistribution(Float64Array.from(values), true)).toEqual({
    kind: 'empirical',
    values: [...small, ...large, 1090, 1100],
    weights: [...new Array(18).fill(0.05), 0.04, 0.06],
  })
})

test('how often a coin is tossed until it shows heads has a name', () => {
  // In 512 games, as many of each as are to be expected.
  const draws = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((k) => new Array(2 ** (9 - k)).fill(k))
  expect(fitDistribution(Float64Array.from([...draws, 10]), true)).toEqual({
    kind: 'geometric',
    mean: rounded((2 ** 10 - 1) / 2 ** 9),
  })
})
