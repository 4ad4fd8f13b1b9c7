import { RequestTableBuilder } from '@routesim/core'
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

test('rescaled: think times are rescaled with the rest, and are left alone where there is no rate', () => {
  const waiting = (secondMs: number) => {
    const builder = new RequestTableBuilder()
    builder.add({ arrivalMs: 0, promptTokens: 9, outputTokens: 1 })
    const next = { promptTokens: 20, outputTokens: 1, predecessor: 0, thinkMs: 600 }
    builder.add({ arrivalMs: secondMs, ...next })
    return builder.build()
  }
  const fast = retimeTrace(waiting(1000), { arrivals: 'rescaled', rateRps: 4 })
  expect([[...fast.arrivalMs], [...fast.thinkMs!]]).toEqual([
    [0, 250],
    [0, 150],
  ])
  const atOnce = retimeTrace(waiting(0), { arrivals: 'rescaled', rateRps: 4 })
  expect([...atOnce.thinkMs!]).toEqual([0, 600])
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
