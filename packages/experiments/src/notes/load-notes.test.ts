import { defineRouter } from '@routesim/algorithms'
import { hold } from '@routesim/core'
import { expect, test } from 'vitest'
import { capacity } from '../answers/capacity.js'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'

const misspelt = parseConfig(`
[cluster]
num_backends = 2
served_model_name = "llama-70b"
[workload]
requests = 300
prompt_tokens = 500
output_tokens = 20
models = { names = ["llama-70b", "lama-70b"], weights = [9, 1] }
[workload.arrivals]
rate_rps = 2
[slo]
ttft_ms = 1000
attainment = 0.8
`)

test('requests for a model that nobody serves are told, and are no overload', async () => {
  const algorithms = ['round_robin']
  const kept = await compare({ config: misspelt, algorithms })
  expect(kept.results[0]!.saturation).toMatchObject({ verdict: 'stable' })
  expect(kept.scenario.notes).toEqual([
    '13% of the requests ask for models that no backend serves (lama-70b): they are rejected at any load',
  ])
  const lean = await compare({ config: misspelt, algorithms, perRequest: false })
  expect(lean.results[0]!.saturation).toEqual(kept.results[0]!.saturation)
  expect(lean.scenario.notes).toEqual([
    '13% of the requests ask for models that no backend serves: they are rejected at any load',
  ])
})

test('a fleet has a capacity though some requests ask for a model that nobody serves', async () => {
  const { answers, scenario } = await capacity({ config: misspelt, seeds: 1, precision: 0.5 })
  expect(answers[0]!.meets).toBeGreaterThan(2)
  expect(scenario.notes[0]).toMatch(/no backend serves \(lama-70b\)/)
})

/** Five long requests, one every 10 s, before two backends of which the first holds none of them. */
const uneven = `
[cluster]
max_num_seqs = 4
[[cluster.backends]]
kv_cache_blocks = 100
[[cluster.backends]]
[workload]
requests = 5
prompt_tokens = 2000
output_tokens = 20
arrivals = { kind = "constant", rate_rps = 0.1 }
`

test('a request that another backend holds is lost by its router, not at any load', async () => {
  const config = parseConfig(uneven)
  const { results, scenario } = await compare({ config, algorithms: ['round_robin'] })
  // In turn: the first, the third and the fifth.
  expect(results[0]).toMatchObject({
    rejected_by_reason: { exceeds_chosen_kv_cache: 3 },
    saturation: { verdict: 'overloaded', rejected_share: 0.6 },
  })
  expect(scenario.notes).toEqual([
    'round_robin sent 60% of the requests to backends whose KV cache holds fewer tokens than they have, though others hold them: they are rejected there at any load',
  ])
  const apart = uneven
    .replace('kv_cache_blocks = 100', 'kv_cache_blocks = 100\nserved_model_name = "small"')
    .replace(
      '[workload]',
      'served_model_name = "large"\n[workload]\nmodels = { names = ["small"] }',
    )
  const named = await compare({ config: parseConfig(apart), algorithms: ['round_robin'] })
  expect(named.results[0]).toMatchObject({ rejected_by_reason: { exceeds_kv_cache: 5 } })
  expect(named.scenario.notes).toEqual([
    '100% of the requests have more tokens than the KV cache of any backend holds: they are rejected at any load',
  ])
})

test('a request that is too long for max_model_len is told likewise', async () => {
  const short = uneven.replace('kv_cache_blocks = 100', 'max_model_len = 2019')
  const one = await compare({ config: parseConfig(short), algorithms: ['round_robin'] })
  expect(one.results[0]).toMatchObject({ rejected_by_reason: { exceeds_chosen_max_model_len: 3 } })
  expect(one.scenario.notes).toEqual([
    'round_robin sent 60% of the requests to backends that take fewer tokens than they have (max_model_len), though others take them: they are rejected there at any load',
  ])
  const both = short.replace('max_num_seqs', 'max_model_len = 2000\nmax_num_seqs')
  const all = await compare({ config: parseConfig(both), algorithms: ['round_robin'] })
  expect(all.results[0]).toMatchObject({ rejected_by_reason: { exceeds_max_model_len: 5 } })
  expect(all.scenario.notes).toEqual([
    '100% of the requests have more tokens than any backend takes (max_model_len): they are rejected at any load',
  ])
})

const calm = `
[cluster]
num_backends = 2
[trace]
rate = 10
duration_sec = 20
gen_tokens_mean = 20
`
const failing = `${calm}${[0, 1]
  .map((backend) => `[[events]]\nat_sec = 3\nkind = "fail"\nbackend = ${backend}\n`)
  .join('')}`

test('a fleet of which every backend failed is not called overloaded', async () => {
  const config = parseConfig(failing)
  const { scenario } = await compare({ config, algorithms: ['round_robin', 'random'] })
  expect(scenario.notes).toEqual([
    expect.stringMatching(
      /^from 3 s on \[\[events\]\] leave no backend: (up to )?8\d% of the requests are rejected because none is available$/,
    ),
  ])
})

test('a router that lets nothing go is told of, and the fleet is not called overloaded', async () => {
  const holds = defineRouter({
    ...{ name: 'holds', description: 'Keeps all.' },
    create: () => ({ route: () => hold() }),
  })
  const algorithms = [holds, 'round_robin']
  const { scenario } = await compare({ config: parseConfig(calm), algorithms })
  expect(scenario.notes).toEqual([
    'holds held 100% of the requests until the end of the run: they are rejected on any fleet',
  ])
})

test('a fleet that fails and was overloaded before is called so', async () => {
  const config = parseConfig(
    failing.replace('rate = 10', 'rate = 400').replaceAll('at_sec = 3', 'at_sec = 19'),
  )
  const { scenario } = await compare({ config, algorithms: ['round_robin'] })
  expect(scenario.notes.join()).toContain('the fleet is overloaded on this traffic')
})

test('an idle fleet whose clients do not wait for an answer is not called overloaded', async () => {
  const impatient = parseConfig(
    `${calm.replace('rate = 10', 'rate = 2')}[client]\ntimeout_ms = 100\n`,
  )
  const { scenario, results } = await compare({ config: impatient, algorithms: ['round_robin'] })
  expect(results[0]!.saturation.verdict).toBe('overloaded')
  expect(scenario.notes).toEqual([
    expect.stringMatching(
      /^\d+% of the requests time out although at most \d waited at a time: their clients wait for less time than requests take \(client\.timeout_ms\)$/,
    ),
  ])
  const busy = parseConfig(`${calm.replace('rate = 10', 'rate = 400')}[client]\ntimeout_ms = 900\n`)
  const many = await compare({ config: busy, algorithms: ['round_robin'] })
  expect(many.scenario.notes.join()).toContain('the fleet is overloaded on this traffic')
})
