import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { defineRouter } from '@routesim/algorithms'
import { RequestTableBuilder } from '@routesim/core'
import { AFFINE_PROFILES } from '@routesim/hardware'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { metric } from '../run/metric.js'
import { kendallTau } from './kendall-tau.js'
import { latencyVariants } from './latency-variants.js'
import { type RobustnessOptions, robustness } from './robustness.js'

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
  const [, variant] = latencyVariants(config)
  expect(variant!.name).toBe('prompts 1.5x dearer')
  // Of this curve, steps are the sum of what prompts and answers take.
  const compute_model = { ...config.cluster.compute_model, prefill_tokens_per_sec: 50_000 / 1.5 }
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

/** By step times, what round robin comes to. */
async function valuesOf(options: Pick<RobustnessOptions, 'config' | 'by' | 'stepper' | 'trace'>) {
  const { settings } = await robustness({
    ...options,
    algorithms: ['round_robin', 'least_outstanding'],
    visibility: 'exact',
    jobs: 1,
  })
  return Object.fromEntries(settings.map(({ latency, values }) => [latency, values[0]!]))
}

test('dearer answers are slower tokens, and dearer prompts hardly, of a model too', async () => {
  const llama = parseConfig(`
[cluster]
num_backends = 2
model = "llama-3.1-8b"
gpu = "H100 SXM"
[trace]
rate = 8
duration_sec = 40
num_prefixes = 10
prompt_tokens_mean = 1000
gen_tokens_mean = 200
`)
  const tpot = await valuesOf({ config: llama, by: 'tpot.mean' })
  const change = (name: string): number => tpot[name]! / tpot['as configured']! - 1
  // Slower answers stay longer, so that batches are larger too.
  expect(change('answers 1.5x dearer')).toBeGreaterThan(0.48)
  expect(change('answers 1.5x dearer')).toBeLessThan(0.6)
  expect(change('answers 1.5x cheaper')).toBeCloseTo(-1 / 3, 1)
  expect(Math.abs(change('prompts 1.5x dearer'))).toBeLessThan(0.05)
  expect(Math.abs(change('prompts 1.5x cheaper'))).toBeLessThan(0.05)
})

const latencyTable = join(mkdtempSync(join(tmpdir(), 'routesim-robustness-')), 'steps.csv')
afterAll(() => rmSync(dirname(latencyTable), { recursive: true }))
writeFileSync(
  latencyTable,
  [
    'prefill_tokens,decode_requests,context_tokens,step_ms',
    ...[0, 100, 4000].flatMap((prompt) =>
      [0, 4, 64].flatMap((decodes) =>
        [10, 900, 1500].map((context) => [
          prompt,
          decodes,
          context,
          3 + prompt / 60 + decodes / 9 + Math.sqrt(context * decodes) / 40,
        ]),
      ),
    ),
  ].join('\n'),
)

const model = 'model = "llama-3.1-8b"\ngpu = "H100 SXM"'
const KINDS = {
  piecewise: '',
  affine:
    'compute_model = { kind = "affine", base_ms = 4, prefill_ms_per_token = 0.02, decode_ms_per_request = 0.05, decode_ms_per_context_token = 2e-5, prefill_ms_per_attention_pair = 1e-6 }',
  'affine, whose prompts seem to save time':
    'compute_model = { kind = "affine", base_ms = 4, prefill_ms_per_token = 1e-4, decode_ms_per_request = 0.05, decode_ms_per_context_token = 2e-4, mixed_decode_ms_per_context_token = 1e-5 }',
  profile: `compute_model = { kind = "profile", name = "${AFFINE_PROFILES[9]!.name}" }`,
  table: `compute_model = { kind = "table", path = "${latencyTable}" }`,
  mocker: 'compute_model = { kind = "mocker" }',
  roofline: model,
  'a model with windows, kernel by kernel':
    'model = "gpt-oss-20b"\ngpu = "H100 SXM"\ncompute_model = { kind = "roofline", granularity = "operator" }',
  'ranks that share experts': 'model = "gpt-oss-20b"\ngpu = "H100 SXM"\ndp = 2\nep = 2',
  'groups of a fleet': `[[cluster.backends]]\n${model}\n[[cluster.backends]]\ncompute_model = { kind = "mocker" }`,
}

const alone = new RequestTableBuilder()
alone.add({ arrivalMs: 0, promptTokens: 1300, outputTokens: 50 })

test.each(Object.entries(KINDS))(
  'prompts and answers cost what is said, whatever steps take: %s',
  async (_, keys) => {
    const fleet = keys.startsWith('[[') ? keys : `num_backends = 2\n${keys}`
    const busy = parseConfig(`
[cluster]
max_batch_tokens = 512
front_end_ms = 0
${fleet}
[trace]
rate = 30
duration_sec = 1
num_prefixes = 5
prompt_tokens_mean = 700
gen_tokens_mean = 40
`)
    const trace = alone.build()
    const [ttft, tpot] = [
      await valuesOf({ config: busy, by: 'ttft.mean', trace }),
      await valuesOf({ config: busy, by: 'tpot.mean', trace }),
    ]
    for (const [name, prompts, answers] of [
      ['prompts 1.5x dearer', 1.5, 1],
      ['prompts 1.5x cheaper', 1 / 1.5, 1],
      ['answers 1.5x dearer', 1, 1.5],
      ['answers 1.5x cheaper', 1, 1 / 1.5],
    ] as const) {
      expect(ttft[name]! / ttft['as configured']!, name).toBeCloseTo(prompts, 9)
      expect(tpot[name]! / tpot['as configured']!, name).toBeCloseTo(answers, 9)
    }
    const fast = await valuesOf({ config: busy, by: 'end_to_end_latency.mean' })
    const reference = await valuesOf({
      config: busy,
      by: 'end_to_end_latency.mean',
      stepper: 'reference',
    })
    for (const [name, value] of Object.entries(fast)) {
      expect(value / reference[name]!, name).toBeCloseTo(1, 9)
    }
  },
)

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
