import { expect, test } from 'vitest'
import { gapsOf, ksDistance, ksLimit, moments } from '../testing/statistics.js'
import { generateTrace } from './generate-trace.js'
import { servingSimulatorRequests } from './serving-simulator-requests.js'

const common = { rateRps: 2, seed: 3, requests: 50_000 } as const

test('zipfian: as frequent as Zipf says, answers of 1.1 times the prompt, Poisson arrivals', () => {
  const table = servingSimulatorRequests({ ...common, source: 'zipfian', zipfExponent: 2 })
  for (const k of [1, 2, 3, 10]) {
    const share = table.promptTokens.filter((tokens) => tokens === k).length / table.size
    const expected = 1 / (k * k) / (Math.PI ** 2 / 6)
    expect(Math.abs(share - expected)).toBeLessThan(4 * Math.sqrt(expected / table.size))
  }
  expect(Math.max(...table.promptTokens)).toBeLessThanOrEqual(126_195)
  table.outputTokens.forEach((tokens, row) => {
    expect(tokens).toBe(Math.floor(1.1 * table.promptTokens[row]!))
  })
  const gaps = gapsOf(table.arrivalMs)
  expect(ksDistance(gaps, (x) => 1 - Math.exp(-x / 500))).toBeLessThan(ksLimit(gaps.length))
})

test('zipfian: lengths that are too long lie between their neighbours', () => {
  // So heavy a tail that a part of the lengths is beyond the longest.
  const table = servingSimulatorRequests({ ...common, source: 'zipfian', zipfExponent: 1.05 })
  expect(Math.max(...table.promptTokens)).toBeLessThanOrEqual(126_195)
  expect(Math.min(...table.promptTokens)).toBeGreaterThanOrEqual(1)
})

test('lognormal: always the same lengths, one token of answer', () => {
  const options = { ...common, source: 'lognormal', logMean: 9, logStd: 1 } as const
  const table = servingSimulatorRequests(options)
  const logs = Array.from(table.promptTokens, Math.log)
  expect(Math.abs(moments(logs).mean - 9)).toBeLessThan(0.03)
  expect(Math.abs(moments(logs).std - 1)).toBeLessThan(0.03)
  expect(new Set(table.outputTokens)).toEqual(new Set([1]))
  const other = servingSimulatorRequests({ ...options, seed: 4 })
  expect(other.promptTokens).toEqual(table.promptTokens)
  expect(other.arrivalMs).not.toEqual(table.arrivalMs)
})

test('mooncake: lengths of a trace in its order, at other times, sharing nothing', () => {
  const trace = generateTrace({ durationSec: 20 })
  const table = servingSimulatorRequests({ source: 'mooncake', rateRps: 2, seed: 1, trace })
  expect(table.promptTokens).toEqual(trace.promptTokens)
  expect(table.outputTokens).toEqual(trace.outputTokens)
  expect(table.arrivalMs).not.toEqual(trace.arrivalMs)
  expect(table.prompts.size).toBe(0)
})

test('what is missing is named', () => {
  expect(() => servingSimulatorRequests({ source: 'mooncake', rateRps: 2, seed: 1 })).toThrow(
    'trace: expected a trace for mooncake, got none',
  )
  expect(() => servingSimulatorRequests({ ...common, source: 'zipfian', zipfExponent: 1 })).toThrow(
    'zipfExponent: expected a number > 1, got 1',
  )
  expect(() => servingSimulatorRequests({ ...common, source: 'lognormal' })).toThrow('logMean')
})
