import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { answerOf, type Search } from './capacity-search.js'
import { RateSearch } from './rate-search.js'
import { SizeSearch } from './size-search.js'

const base = parseConfig('[cluster]\nnum_backends = 3\ngpu = "H100 SXM"')

const how = { rate: undefined, attainment: 0.9, make: () => base } as const

/** Runs under seeds 1, 2... with these shares of requests within their targets. */
const runsOf = (shares: readonly number[], verdict = 'stable'): RunSummary[] =>
  shares.map(
    (attainment, i) =>
      ({
        ...{ algorithm: 'random', seed: i + 1, slo: { attainment }, saturation: { verdict } },
        ...{ ttft: { p99: 100 * (i + 1) }, rejected_by_reason: {}, total_requests: 100 },
      }) as unknown as RunSummary,
  )

const sizes = {
  ...{ start: [3], most: [99], least: 1, others: 0, bound: undefined },
  settingsOf: () => ({}),
}

/** A search that has tried these values, in this order. */
function searchOf(
  find: 'rate' | 'backends',
  tried: readonly { readonly value: number; readonly runs: RunSummary[] }[],
): Search {
  const range = { start: 1, min: 1, max: 99, precision: 0.1 }
  const begin = () => (find === 'rate' ? new RateSearch(range) : new SizeSearch(sizes))
  const search = begin()
  for (const { value, runs } of tried) {
    const mean = runs.reduce((sum, { slo }) => sum + slo!.attainment!, 0) / runs.length
    search.tell([value], mean >= 0.9 && runs.every((run) => run.saturation.verdict === 'stable'))
  }
  return {
    ...{ choice: 'random', gpu: undefined, isSame: true, without: [], settings: {}, base },
    ...{ bracket: search, begin, sizes: find === 'rate' ? undefined : sizes },
    tried: tried.map(({ value, runs }) => ({ value: [value], runs })),
  }
}

test('by hand: the rate that meets, the one that does not, and both for each seed', () => {
  const tried = [
    { value: 20, runs: runsOf([0.7, 0.8]) },
    { value: 10, runs: runsOf([1, 0.8]) },
    { value: 5, runs: runsOf([1, 1]) },
  ]
  const answer = answerOf(searchOf('rate', tried), { ...how, find: 'rate' }, [])
  expect(answer).toMatchObject({ algorithm: 'random', gpu: 'H100 SXM', meets: 10, misses: 20 })
  expect(answer.per_seed).toEqual([
    { seed: 1, meets: 10, misses: 20 },
    { seed: 2, meets: 5, misses: 10 },
  ])
  expect(answer).toMatchObject({ backends: 3, usd_per_hour: 3 * 3.5, problem: null })
  expect(answer.probes.map(({ value, meets, attainment }) => [value, meets, attainment])).toEqual([
    [5, true, 1],
    [10, true, 0.9],
    [20, false, 0.75],
  ])
  expect(answer.probes[0]!.ttft_p99).toBe(150)
})

test('by hand: the same for the number of backends, where more is better', () => {
  const tried = [
    { value: 2, runs: runsOf([0.7, 0.95]) },
    { value: 4, runs: runsOf([1, 1]) },
  ]
  const answer = answerOf(searchOf('backends', tried), { ...how, find: 'backends' }, [])
  expect(answer).toMatchObject({ meets: 4, misses: 2 })
  expect(answer.per_seed).toEqual([
    { seed: 1, meets: 4, misses: 2 },
    { seed: 2, meets: 2, misses: null },
  ])
})

test('a run that only its end kept small does not meet anything, and the worst is told', () => {
  const tried = [{ value: 8, runs: [...runsOf([1]), ...runsOf([1], 'overloaded')] }]
  const answer = answerOf(searchOf('rate', tried), { ...how, find: 'rate' }, [])
  expect(answer).toMatchObject({ meets: null, misses: 8, backends: null, usd_per_hour: null })
  expect(answer.probes[0]).toMatchObject({ meets: false, attainment: 1, saturation: 'overloaded' })
})
