import { expect, test } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import { gapsOf, ksDistance, ksLimit } from '../testing/statistics.js'
import { retimeTrace } from './retime-trace.js'

const table = generateTrace({ kind: 'bursty', rateRps: 20, durationSec: 300, turnsMean: 3 })

test('rescaled: the rate asked for, and the shape kept', () => {
  const fast = retimeTrace(table, { arrivals: 'rescaled', rateRps: 80 })
  expect(((table.size - 1) / fast.arrivalMs.at(-1)!) * 1000).toBeCloseTo(80, 9)
  expect(fast.arrivalMs[0]).toBe(0)
  const factor = fast.arrivalMs.at(-1)! / (table.arrivalMs.at(-1)! - table.arrivalMs[0]!)
  fast.arrivalMs.forEach((ms, row) => {
    expect(ms).toBeCloseTo((table.arrivalMs[row]! - table.arrivalMs[0]!) * factor, 6)
  })
  expect(fast.promptTokens).toBe(table.promptTokens)
})

test('poisson: exponential gaps at the rate, by the seed', () => {
  const options = { arrivals: 'poisson', rateRps: 5, seed: 1 } as const
  const gaps = gapsOf(retimeTrace(table, options).arrivalMs)
  expect(ksDistance(gaps, (x) => 1 - Math.exp(-x / 200))).toBeLessThan(ksLimit(gaps.length))
  expect(retimeTrace(table, options)).toEqual(retimeTrace(table, options))
  expect(retimeTrace(table, { ...options, seed: 2 })).not.toEqual(retimeTrace(table, options))
})

test('at once: all at 0', () => {
  expect(new Set(retimeTrace(table, { arrivals: 'at_once' }).arrivalMs)).toEqual(new Set([0]))
})

test('what can not be is refused', () => {
  expect(() => retimeTrace(table, { arrivals: 'poisson' })).toThrow(
    'rateRps: expected a number > 0 and <= 1000000000, got nothing',
  )
  expect(() => retimeTrace(table, { arrivals: 'at_once', rateRps: 1 })).toThrow(
    'rateRps: expected nothing with at_once, got 1',
  )
  expect(() => retimeTrace(table, { arrivals: 'later' as 'poisson' })).toThrow('arrivals: expected')
})
