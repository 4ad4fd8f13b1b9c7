import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { capacity } from '../answers/capacity.js'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

const config = parseConfig(`
[cluster]
num_backends = 2
[trace]
rate = 20
duration_sec = 20
[slo]
ttft_ms = 60
e2e_ms = 4000
`)

test('targets of the config are counted alike per request, without, and on workers', async () => {
  const algorithms = ['round_robin', 'random']
  const [one, two, lean] = await Promise.all([
    compare({ config, algorithms, jobs: 1 }),
    compare({ config, algorithms, jobs: 2 }),
    compare({ config, algorithms, jobs: 1, perRequest: false }),
  ])
  const slo = one.results[0]!.slo!
  expect(slo).toMatchObject({ ttft_target_ms: 60, tpot_target_ms: null })
  expect(slo.attainment).toBeGreaterThan(0)
  expect(slo.attainment).toBeLessThan(1)
  expect(two.results).toEqual(one.results)
  expect(lean.results[0]!.slo).toEqual(slo)
  expect(lean.results[0]!.saturation).toEqual(one.results[0]!.saturation)
})

test('targets of tenants and classes without requests are told, and have no capacity', async () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 40; i++) {
    const named = { tenant: 'acme', priority: 2 }
    builder.add({ arrivalMs: i * 50, promptTokens: 200, outputTokens: 5, ...named })
  }
  const idle = parseConfig(`
[cluster]
num_backends = 2
[slo.tenants.acme-typo]
ttft_ms = 1
[slo.tenants.heavy]
weight = 2
[slo.classes.gold]
priority = 5
ttft_ms = 1
[slo.classes.silver]
priority = 6
`)
  const trace = builder.build()
  const { results, scenario } = await compare({ config: idle, trace, algorithms: ['random'] })
  expect(results[0]!.slo).toMatchObject({ requests: 0, goodput_requests_per_sec: null })
  expect(scenario.notes).toContain(
    'tenant acme-typo and class gold (priority 5) have targets, but no requests',
  )
  await expect(capacity({ config: idle, trace, jobs: 1 })).rejects.toThrow(
    'slo: expected a target that some request has to meet, got targets of none',
  )
  const own = parseConfig('[cluster]\nnum_backends = 2\n[slo.tenants.acme]\nttft_ms = 100\n')
  const found = await compare({ config: own, trace, algorithms: ['random'] })
  expect(found.scenario.notes).toEqual([])
})

test('a target that is given goes before that of the config, and the others stay', async () => {
  const { results } = await compare({ config, algorithms: ['random'], slo: { ttftMs: 1e6 } })
  expect(results[0]!.slo).toMatchObject({
    ttft_target_ms: 1e6,
    ttft_attainment: 1,
    e2e_target_ms: 4000,
  })
})

test('over seeds, tenants that are missing under some count where they are', async () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 60; i++) {
    const tenant = i % 3 === 0 ? 'a' : 'b'
    builder.add({ arrivalMs: i * 20, promptTokens: 300, outputTokens: 20, tenant })
  }
  const trace = builder.build()
  const { results, scenario } = await compare({ config, trace, algorithms: ['random'], seeds: 3 })
  expect(scenario.notes.join()).toContain('every seed has the same requests')
  const { per_tenant } = results[0]!.tenants!
  expect(Object.keys(per_tenant)).toEqual(['a', 'b'])
  expect(per_tenant['a']!.total_requests).toEqual({ mean: 20, ci95: 0, n: 3 })
  expect(results[0]!.saturation.verdict).toBe('stable')
})

test('a fleet that can not keep up is told of', async () => {
  const { scenario, results } = await compare({
    config: { ...config, trace: { ...config.trace, rate: 400 } },
    algorithms: ['round_robin'],
  })
  expect(results[0]!.saturation.verdict).toBe('overloaded')
  expect(scenario.notes.join()).toContain('the fleet is overloaded on this traffic')
})

test('requests that the KV cache can never hold are told of, and are no overload', async () => {
  const small = parseConfig('[cluster]\nnum_backends = 2\nkv_cache_blocks = 64')
  const trace = { ...small.trace, rate: 0.3, prompt_tokens_mean: 800, prompt_tokens_std: 300 }
  const { scenario, results } = await compare({
    config: { ...small, trace },
    algorithms: ['round_robin', 'random'],
  })
  expect(results[0]!.saturation.verdict).not.toBe('overloaded')
  expect(results[0]!.rejected_requests).toBeGreaterThan(0)
  expect(scenario.notes.join()).toMatch(
    /[\d.]+% of the requests have more tokens than the KV cache of any backend holds/,
  )
})
