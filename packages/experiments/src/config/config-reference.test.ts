import { expect, test } from 'vitest'
import { generatedWorkload } from '../workload/load-workload.js'
import { configReference } from './config-reference.js'
import { parseConfig } from './parse-config.js'

const keys = configReference()
const keyAt = (path: string) => keys.find((key) => key.path === path)

test('keys carry what the schema says of them', () => {
  expect(keyAt('cluster.num_backends')).toEqual({
    path: 'cluster.num_backends',
    type: 'integer from 1 to 4096',
    default: undefined,
    isRequired: true,
    description: 'Model replicas.',
  })
  expect(keyAt('cluster.disaggregated.kv_transfer_latency_us')).toMatchObject({
    type: 'number >= 0',
    default: 500,
    isRequired: false,
  })
  expect(keyAt('cluster.swap_bandwidth_gb_s')?.type).toBe('number > 0')
  expect(keyAt('cluster.gpu_memory_utilization')?.type).toBe('number > 0 and <= 1')
  expect(keyAt('trace.session_prompts')?.type).toBe('"extend", "independent"')
  expect(keyAt('cluster.compute_model.base_ms')).toMatchObject({ kind: 'affine', isRequired: true })
  expect(keyAt('algorithms')?.type).toBe('tables')
  expect(keyAt('cluster.backends')?.type).toBe('tables')
  expect(keyAt('cluster.backends[].role')).toMatchObject({ default: 'both', isRequired: false })
  // What groups share with the cluster is told once.
  expect(keyAt('cluster.backends[].max_num_seqs')).toBeUndefined()
})

/** Tables that have defaults only when they are there. */
const WITH_OPTIONAL_TABLES = `
[cluster]
num_backends = 2
[workload]
requests = 10
prompt_tokens = 100
output_tokens = 10
[workload.arrivals.on_off]
on_rate_rps = 5
on_sec = 1
every_sec = 2
[workload.sessions]
turns = 3
new_tokens = 10
[workload.sessions.agents]
probability = 0.5
children = 1
calls = 2
tool_time_sec = 1
new_tokens = 10
prompt_tokens = 100
`

test('every key has a description, and every default is the one that is filled in', () => {
  const filled: unknown = parseConfig(WITH_OPTIONAL_TABLES)
  for (const { path, default: value, kind, description } of keys) {
    expect(description, path).toMatch(/\.$/)
    // A config without groups has none to look at.
    if (/\[\]|\.NAME\./.test(path)) continue
    if (value === undefined || (kind !== undefined && kind !== 'piecewise')) continue
    const found = path.split('.').reduce((at, key) => Reflect.get(at as object, key), filled)
    expect(found, path).toBe(value)
  }
})

// The generator's own defaults stand in @routesim/traces; the schema only tells them.
const toldDefaults = keys.flatMap(({ path, description }) => {
  const value = /; default ("?)([\w.]+)\1\.$/.exec(description)?.[2]
  return value === undefined ? [] : [{ key: path.replace('trace.', ''), value, description }]
})

test.each(toldDefaults)(
  'the generator has the default that trace.$key tells: $value',
  async (told) => {
    const [kind] = /^(gamma|bursty|diurnal)(?=:)/.exec(told.description) ?? ['poisson']
    const zipf = told.key === 'zipf_exponent' ? { prefix_popularity: 'zipf' as const } : {}
    const { trace } = parseConfig('[cluster]\nnum_backends = 1')
    const base = {
      ...trace,
      generator: kind as 'poisson',
      turns_mean: 3,
      num_sessions: 50,
      ...zipf,
    }
    if (told.key === 'turns_mean') Reflect.deleteProperty(base, 'turns_mean')
    const value = Number.isNaN(Number(told.value)) ? told.value : Number(told.value)
    const implicit = await generatedWorkload(base).requests(1)
    const explicit = await generatedWorkload({ ...base, [told.key]: value }).requests(1)
    expect(explicit.size).toBeGreaterThan(20)
    expect(explicit).toEqual(implicit)
  },
)

test('most generator keys tell a default', () => {
  expect(toldDefaults.length).toBeGreaterThan(15)
})
