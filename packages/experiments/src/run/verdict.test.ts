import { expect, test } from 'vitest'
import type { AlgorithmSummary } from './compare.js'
import { metric } from './metric.js'
import { sameDecisions } from './same-decisions.js'
import type { ScenarioInfo } from './scenario.js'
import { verdict } from './verdict.js'

const scenario = {
  backends: 2,
  gpu: 'H100 SXM',
  fleetPricePerHour: 7,
} as ScenarioInfo

function result(
  algorithm: string,
  numbers: Readonly<Record<string, unknown>> = {},
): AlgorithmSummary {
  return {
    algorithm,
    completed_requests: 10,
    rejected_requests: 0,
    rejected_by_reason: {},
    ttft: { p50: 100, p99: 200 },
    requests_per_sec: 5,
    estimated_cost_per_1k_tokens: 0.001,
    busy_cost_per_1k_tokens: 0.0004,
    ...numbers,
  } as unknown as AlgorithmSummary
}

test('a clear winner, with its lead over the worst', () => {
  const slow = result('slow', { ttft: { p50: 400, p99: 3000 } })
  expect(verdict(scenario, [slow, result('quick')])).toEqual([
    'quick wins on TTFT P50 (100 ms, 75% below slow) and TTFT P99 (200 ms, 93% below slow).',
    'On 2 x H100 SXM at $7.00/h, a million tokens cost $1.000, whichever is chosen, of which 40% is for busy GPUs and the rest for idle ones.',
  ])
})

test('a lead of one percent, or within the intervals of several seeds, is nobody’s', () => {
  const nobody = 'No algorithm is measurably better than another on this traffic.'
  const near = result('b', { ttft: { p50: 101, p99: 202 } })
  expect(verdict(scenario, [result('a'), near])[0]).toBe(nobody)
  const wide = (name: string, mean: number) =>
    result(name, { ttft: { p50: { mean, ci95: 30 }, p99: { mean, ci95: 30 } } })
  expect(verdict(scenario, [wide('a', 100), wide('b', 140)])[0]).toBe(nobody)
})

test('one algorithm has no rival: only what it costs', () => {
  expect(verdict(scenario, [result('a')])).toEqual([
    'On 2 x H100 SXM at $7.00/h, a million tokens cost $1.000, of which 40% is for busy GPUs and the rest for idle ones.',
  ])
  expect(verdict(scenario, [])).toEqual([])
})

test('when nothing was completed, nobody is praised', () => {
  const none = {
    completed_requests: 0,
    rejected_requests: 9,
    rejected_by_reason: { queue_full: 9 },
  }
  expect(verdict(scenario, [result('a', none), result('b', none)])).toEqual([
    'No request was completed on 2 x H100 SXM at $7.00/h with any algorithm: all were rejected (queue_full).',
  ])
})

test('a free fleet and missing numbers make no NaN', () => {
  const free = { estimated_cost_per_1k_tokens: 0, busy_cost_per_1k_tokens: 0 }
  expect(verdict(scenario, [result('a', free), result('b', free)])[1]).toBe(
    'On 2 x H100 SXM at $7.00/h, tokens cost nothing.',
  )
  const missing = { ttft: { p50: null, p99: null }, estimated_cost_per_1k_tokens: null }
  const text = verdict(scenario, [result('a', missing), result('b', missing)]).join(' ')
  expect(text).not.toMatch(/NaN|null|undefined/)
})

test('metric reads numbers, means with intervals, and nothing else', () => {
  const several = result('a', { ttft: { p50: { mean: 3, ci95: null }, p99: 'x' } })
  expect(metric(result('a'), 'ttft.p50')).toEqual({ value: 100, ci95: null })
  expect(metric(several, 'ttft.p50')).toEqual({ value: 3, ci95: null })
  expect(metric(several, 'ttft.p99')).toEqual({ value: null, ci95: null })
  expect(metric(several, 'ttft.p50.mean.no')).toEqual({ value: null, ci95: null })
  expect(metric(several, 'none')).toEqual({ value: null, ci95: null })
})

test('equal results are told as equal decisions, each group once', () => {
  const other = result('d', { requests_per_sec: 6 })
  expect(sameDecisions([result('a'), result('b'), other, result('c')])).toEqual([
    'a, b and c made the same decisions on this traffic',
  ])
})
