import { defineRouter } from '@routesim/algorithms'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { metric } from '../run/metric.js'
import { kendallTau } from './kendall-tau.js'
import { latencyVariants } from './latency-variants.js'
import { robustness } from './robustness.js'

test("Kendall's tau by hand: pairs in order less pairs in reverse, ties apart", () => {
  expect(kendallTau([1, 2, 3], [10, 30, 20])).toBeCloseTo(1 / 3, 12)
  // Of 6 pairs, 5 are no tie in the first, 5 in the second, 4 agree.
  expect(kendallTau([1, 1, 2, 3], [1, 2, 3, 3])).toBeCloseTo(4 / 5, 12)
  expect(kendallTau([1, 1], [1, 2])).toBeNull()
  const ranking = fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 20 })
  fc.assert(
    fc.property(ranking, (values) => {
      expect(kendallTau(values, values)).toBe(1)
      expect(
        kendallTau(
          values,
          values.map((value) => -value),
        ),
      ).toBe(-1)
    }),
  )
})

const config = parseConfig(`
[cluster]
num_backends = 4
kv_cache_blocks = 1500
[trace]
rate = 60
duration_sec = 4
num_prefixes = 40
prefix_len_mean = 2000
`)
const algorithms = ['round_robin', 'least_outstanding', 'prefix_overlap']

test('every combination is ranked as a comparison of its own ranks it', async () => {
  const found = await robustness({
    config,
    algorithms,
    jobs: 1,
    seeds: 2,
    visibility: ['local-only'],
  })
  expect(found.settings).toHaveLength(6 * 2)
  expect(found.runs).toBe(6 * 2 * 3 * 2)
  expect(found.settings[0]).toMatchObject({ latency: 'as configured', visibility: 'exact', tau: 1 })
  const [variant] = latencyVariants(config).slice(1)
  const dearer = { prefill_tokens_per_sec: 50_000 / 1.5, decode_tokens_per_sec_batch1: 80 }
  expect(variant!.settings).toMatchObject({ 'cluster.compute_model': dearer })
  const compute_model = variant!.settings[
    'cluster.compute_model'
  ] as typeof config.cluster.compute_model
  const own = { ...config, cluster: { ...config.cluster, compute_model } }
  const { results } = await compare({
    config: own,
    algorithms,
    seeds: 2,
    visibility: 'local-only',
    jobs: 1,
  })
  const values = results.map((result) => metric(result, 'ttft.p99').value!)
  const setting = found.settings.find(
    ({ latency, visibility }) => latency === variant!.name && visibility === 'local-only',
  )!
  setting.values.forEach((value, i) => {
    expect(value).toBeCloseTo(values[i]!, 9)
  })
  const sorted = [...values].sort((a, b) => a - b)
  expect(setting.ranks).toEqual(values.map((value) => sorted.indexOf(value) + 1))
  const firsts = found.algorithms.reduce((sum, { first }) => sum + first, 0)
  expect(firsts).toBeGreaterThanOrEqual(24)
  expect(found.algorithms[0]!.cases).toBe(24)
  expect(found.verdict.join(' ')).toMatch(/ranks first by TTFT P99 in \d+ of 24 cases/)
})

test('a straight line through both ends of the curve takes as long at both ends', () => {
  const { settings } = latencyVariants(config).find(({ name }) => name === 'affine')!
  const model = settings['cluster.compute_model'] as Record<string, number>
  expect(model['base_ms']! + model['decode_ms_per_request']!).toBeCloseTo(12.5, 9)
  expect(model['base_ms']! + 64 * model['decode_ms_per_request']!).toBeCloseTo(20, 9)
})

test('who has no such number has no rank, and without anyone who has, there is no ranking', async () => {
  const told = defineRouter({
    name: 'told',
    description: 'Tells a number that nobody else has.',
    parameters: {},
    create: () => ({
      route: (_, { backends }) => backends[0]!,
      customMetrics: () => ({ count: 1 }),
    }),
  })
  const how = { config, jobs: 1, visibility: 'exact' }
  const found = await robustness({
    ...how,
    by: 'custom_metrics.count',
    algorithms: ['random', told],
  })
  expect(found.settings[0]).toMatchObject({ values: [null, 1], ranks: [null, 1], tau: null })
  const [random, other] = found.algorithms
  expect(random).toMatchObject({ first: 0, cases: 6, mean_rank: null, worst_rank: null })
  expect(other).toMatchObject({ first: 6, cases: 6, mean_rank: 1 })
  expect(found.verdict[0]).toMatch(/^told ranks first by .* in 6 of 6 cases \(100%\): /)
  await expect(robustness({ ...how, by: 'slo.attainment', algorithms })).rejects.toMatchObject({
    code: 'search_invalid',
    message:
      'by: expected a number that the results have, got "slo.attainment", which none of them has',
    hint: expect.stringContaining('--slo-ttft'),
  })
})

test('a single algorithm can not be ranked', async () => {
  await expect(robustness({ config, algorithms: ['random'] })).rejects.toThrow(
    'at least two to rank',
  )
})
