import { expect, test } from 'vitest'
import { sameDecisions } from '../notes/same-decisions.js'
import type { ScenarioInfo } from './scenario.js'
import type { AlgorithmSummary } from './simulate-all.js'
import { verdict } from './verdict.js'

const scenario = {
  fleet: '2 x H100 SXM',
  fleetPricePerHour: 7,
} as ScenarioInfo

function result(
  algorithm: string,
  numbers: Readonly<Record<string, unknown>> = {},
): AlgorithmSummary {
  return {
    algorithm,
    total_requests: 10,
    completed_requests: 10,
    rejected_requests: 0,
    rejected_by_reason: {},
    failed_requests: 0,
    failed_by_reason: {},
    timed_out_requests: 0,
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

test('a fleet of which backends came late is not told at the price of all of them', () => {
  // 1,000 tokens a second at $1.00 a million are $3.60 an hour.
  const late = result('late', { total_tokens_per_sec: 1000 })
  expect(verdict(scenario, [late])).toEqual([
    'On 2 x H100 SXM at $7.00/h, of which $3.60/h were paid as backends came and went, a million tokens cost $1.000, of which 40% is for busy GPUs and the rest for idle ones.',
  ])
  const whole = result('whole', { total_tokens_per_sec: 7000 / 3.6 })
  expect(verdict(scenario, [whole])[0]).not.toContain('were paid')
})

test('a lead of one percent, or within the intervals of several seeds, is nobody’s', () => {
  const nobody = 'No algorithm stands out on this traffic.'
  const near = result('b', { ttft: { p50: 101, p99: 202 } })
  expect(verdict(scenario, [result('a'), near])[0]).toBe(nobody)
  const wide = (name: string, mean: number) =>
    result(name, { ttft: { p50: { mean, ci95: 30 }, p99: { mean, ci95: 30 } } })
  expect(verdict(scenario, [wide('a', 100), wide('b', 140)])[0]).toBe(nobody)
})

test('nobody wins where some were stopped before they had run under all seeds', () => {
  const over = (name: string, seeds: number[], mean: number) =>
    result(name, { seeds, ttft: { p50: { mean, ci95: null }, p99: { mean, ci95: null } } })
  const [whole, other] = [over('whole', [42, 43], 100), over('other', [42, 43], 400)]
  expect(verdict(scenario, [whole, other])[0]).toMatch(/^whole wins on TTFT P50 /)
  expect(verdict(scenario, [whole, other, over('stopped', [43], 50)])[0]).toBe(
    'Nobody wins, as not all ran under the same seeds: stopped without seed 42.',
  )
})

test('who wins on most is told first', () => {
  const one = result('one', { ttft: { p50: 50, p99: 900 } })
  const two = result('two', { ttft: { p50: 100, p99: 200 }, requests_per_sec: 9 })
  expect(verdict(scenario, [one, two])[0]).toMatch(/^two wins on .*; one wins on TTFT P50 /)
})

test('two that are equally good win together over the rest', () => {
  const slow = result('slow', { ttft: { p50: 400, p99: 3000 } })
  const near = result('near', { ttft: { p50: 101, p99: 190 } })
  expect(verdict(scenario, [slow, near, result('quick')])[0]).toBe(
    'quick and near win on TTFT P50 (100 ms, 75% below slow); near wins on TTFT P99 (190 ms, 94% below slow).',
  )
})

test('routers that made the same decisions still beat the one that is worse', () => {
  const slow = result('slow', { ttft: { p50: 400, p99: 200 } })
  expect(verdict(scenario, [result('a'), slow, result('b'), result('c')])[0]).toBe(
    'a, b and c win on TTFT P50 (100 ms, 75% below slow).',
  )
})

test('best ones that shade into the rest do not win', () => {
  const near = (name: string, p50: number) => result(name, { ttft: { p50, p99: 200 } })
  const chain = [near('a', 100), near('b', 101.5), near('c', 103), near('d', 200)]
  expect(verdict(scenario, chain)[0]).toBe('No algorithm stands out on this traffic.')
})

test('one whose interval reaches the best leaves no winner, however far down it ranks', () => {
  const ranked = (name: string, p50: number, ci95: number) =>
    result(name, { ttft: { p50: { mean: p50, ci95, n: 5 }, p99: 200 } })
  const near = [ranked('a', 100, 1), ranked('b', 110, 1)]
  expect(verdict(scenario, [...near, ranked('c', 120, 1)])[0]).toContain('a wins on TTFT P50')
  expect(verdict(scenario, [...near, ranked('c', 120, 60)])[0]).toBe(
    'No algorithm stands out on this traffic.',
  )
})

test('when every algorithm rejects much, that is told first', () => {
  const busy = (name: string, rejected_requests: number) =>
    result(name, { total_requests: 100, rejected_requests })
  expect(verdict(scenario, [busy('a', 66), busy('b', 66)])[0]).toBe(
    'Every algorithm rejects 66% or more; no algorithm stands out on this traffic.',
  )
  expect(verdict(scenario, [busy('a', 0), busy('b', 66)])[0]).toBe('a wins on fewest rejections.')
})

test('a cost that differs in the digits shown is a range', () => {
  const dearer = result('b', { estimated_cost_per_1k_tokens: 0.00101 })
  expect(verdict(scenario, [result('a'), dearer])[1]).toContain(
    'a million tokens cost $1.000 to $1.010, whichever is chosen,',
  )
})

test('what is for busy GPUs is a range, too, where it differs', () => {
  const idler = result('b', { busy_cost_per_1k_tokens: 0.0001 })
  expect(verdict(scenario, [result('a'), idler])[1]).toMatch(
    /whichever is chosen, of which 10% to 40% is for busy GPUs and the rest for idle ones\.$/,
  )
})

test('costs of less than a cent are told apart', () => {
  const cheap = (name: string, usd: number) => result(name, { estimated_cost_per_1k_tokens: usd })
  expect(verdict(scenario, [cheap('a', 1.1e-6), cheap('b', 1.4e-6)])[1]).toMatch(
    /\$0\.0011 with a, .* \$0\.0014 with b\.$/,
  )
})

test('one algorithm has no rival: only what it costs', () => {
  expect(verdict(scenario, [result('a')])).toEqual([
    'On 2 x H100 SXM at $7.00/h, a million tokens cost $1.000, of which 40% is for busy GPUs and the rest for idle ones.',
  ])
  expect(verdict(scenario, [])).toEqual([])
})

test('a router with which nothing was completed has no costs, which is said', () => {
  const idle = result('idle', {
    ...{ completed_requests: 0, rejected_requests: 10, rejected_by_reason: { queue_full: 10 } },
    ...{ estimated_cost_per_1k_tokens: null, busy_cost_per_1k_tokens: null },
  })
  const dear = result('dear', { estimated_cost_per_1k_tokens: 0.002 })
  const of = (...results: AlgorithmSummary[]) => verdict(scenario, results)[1]
  const begin =
    'idle completed no request; on 2 x H100 SXM at $7.00/h, a million tokens cost $1.000'
  const end = 'of which 40% is for busy GPUs and the rest for idle ones'
  expect(of(idle, result('a'))).toBe(`${begin}, with a, ${end}.`)
  expect(of(result('a'), idle, result('b'))).toBe(`${begin}, with any other, ${end}.`)
  expect(of(result('a'), idle, dear)).toBe(`${begin} with a, ${end}, and up to $2.000 with dear.`)
})

test('when nothing was completed, nobody is praised', () => {
  const none = {
    completed_requests: 0,
    total_requests: 9,
    rejected_requests: 9,
    rejected_by_reason: { queue_full: 9 },
  }
  expect(verdict(scenario, [result('a', none), result('b', none)])).toEqual([
    'No request was completed on 2 x H100 SXM at $7.00/h with any algorithm: all were rejected (queue_full).',
  ])
})

test('what was lost or called off is told apart from what was rejected', () => {
  const lost = {
    completed_requests: 0,
    total_requests: 9,
    rejected_requests: 2,
    rejected_by_reason: { queue_full: 2 },
    failed_requests: 6,
    failed_by_reason: { backend_failed: 6 },
    timed_out_requests: 1,
  }
  expect(verdict(scenario, [result('a', lost)])).toEqual([
    'No request was completed on 2 x H100 SXM at $7.00/h with a: all were rejected, lost or called off (queue_full, backend_failed and timeout).',
  ])
  const some = (name: string, failed_requests: number) =>
    result(name, { total_requests: 100, failed_requests })
  expect(verdict(scenario, [some('a', 5), some('b', 20)])[0]).toBe(
    'Every algorithm loses or times out 5% or more; a wins on fewest failures.',
  )
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

test('equal results are told as equal decisions, each group once', () => {
  const other = result('d', { requests_per_sec: 6 })
  expect(sameDecisions([result('a'), result('b'), other, result('c')])).toEqual([
    'a, b and c made the same decisions on this traffic',
  ])
})

test('where many share the lead they are counted, not named', () => {
  const ahead = Array.from({ length: 6 }, (_, i) => result(`quick_${i}`, { token_hit_rate: 0.9 }))
  const [who] = verdict(scenario, [...ahead, result('slow', { token_hit_rate: 0.5 })])
  expect(who).toBe('6 of 7 algorithms win on cache hits.')
})
