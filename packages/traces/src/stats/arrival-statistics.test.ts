import { expect, test } from 'vitest'
import { arrivalStatistics } from './arrival-statistics.js'

test('by hand: rate, gaps and counts of arrivals that do not begin at 0', () => {
  const found = arrivalStatistics(Float64Array.of(1000, 1000, 1500, 3400))
  expect(found).toMatchObject({ spanMs: 2400, distinctTimes: 3, meanRateRps: 1.25, binMs: 10 })
  expect(found.gapMs.mean).toBe(800)
  // Deviations 800, 300 and 1100 of 800.
  expect(found.gapCv).toBeCloseTo(Math.sqrt((64 + 9 + 121) / 3) / 8, 12)
  expect(found.perBin).toHaveLength(240)
  expect([found.perBin[0], found.perBin[50], found.perBin[239]]).toEqual([2, 1, 1])
  // 4 over 240 bins: squares 4, 1 and 1, less 240 times the squared mean.
  const mean = 4 / 240
  const variance = 6 / 240 - mean ** 2
  expect(found.dispersion).toBeCloseTo(variance / mean, 12)
})

test('by hand: bins that are full by turns go against each other', () => {
  // Two in every other of 240 bins of 1 ms, and one at the end that closes the last.
  const times = Array.from({ length: 120 }, (_, i) => [2 * i, 2 * i + 0.5]).flat()
  const { perBin, autocorrelation } = arrivalStatistics(Float64Array.of(...times, 240))
  expect(perBin.slice(0, 4)).toEqual([2, 0, 2, 0])
  expect(autocorrelation).toHaveLength(10)
  expect(autocorrelation[0]).toBeCloseTo(-1, 1)
  expect(autocorrelation[1]).toBeCloseTo(1, 1)
  expect(autocorrelation[8]).toBeLessThan(-0.9)
})

test('nothing to tell of none, and no rate of one', () => {
  const none = { spanMs: 0, meanRateRps: 0, gapCv: 0, dispersion: 0, perBin: [] }
  expect(arrivalStatistics(new Float64Array(0))).toMatchObject({ ...none, distinctTimes: 0 })
  expect(arrivalStatistics(Float64Array.of(5, 5))).toMatchObject({ ...none, distinctTimes: 1 })
})
