import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RequestTableBuilder } from '@routesim/core'
import { findGpu, MOST_STORED_BLOCKS } from '@routesim/hardware'
import { writeTrace } from '@routesim/traces'
import { expect, test } from 'vitest'
import { configSource } from '../config/config-source.js'
import { parseConfig } from '../config/parse-config.js'
import { metric } from '../run/metric.js'
import { sweep } from '../sweep/sweep.js'
import { capacity } from './capacity.js'
import { type Candidate, candidatesOf } from './capacity-candidate.js'
import { fleetSizes } from './fleet-sizes.js'

const config = parseConfig(`
[cluster]
num_backends = 4
[trace]
rate = 40
duration_sec = 30
num_prefixes = 20
[slo]
ttft_ms = 120
`)
const options = { config, jobs: 1, seeds: 2 }

test('the largest rate agrees with a dense sweep, in a fifth of its runs', async () => {
  const { answers, runs } = await capacity({ ...options, precision: 0.03 })
  const { meets, misses, probes } = answers[0]!
  expect(misses! / meets!).toBeLessThanOrEqual(1.03)
  // As fine as the interval, over all rates that were tried.
  const [from, to] = [probes[0]!.value, probes.at(-1)!.value]
  const steps = Math.ceil(Math.log(to / from / 0.9) / Math.log(1.03)) + 1
  const rates = Array.from({ length: steps }, (_, i) => from * 0.9 * 1.03 ** i)
  const { points, totalRuns } = await sweep({ ...options, rates })
  const suffices = points.map(
    ({ result }) =>
      metric(result, 'slo.attainment').value! >= 0.99 && result.saturation.verdict !== 'overloaded',
  )
  const last = points[suffices.lastIndexOf(true)]!.rate!
  const first = points[suffices.indexOf(false)]!.rate!
  // The border of the sweep, as sharp as its steps, holds that of the search.
  expect(first).toBeGreaterThan(last)
  expect(meets!).toBeLessThan(first)
  expect(misses!).toBeGreaterThan(last)
  expect(runs).toBeLessThanOrEqual(totalRuns / 5)
})

/** Answers of 1,000 tokens, of which a backend makes 256 at a time: no more than 8.3 a second. */
const slow = `
[cluster]
num_backends = 1
max_num_seqs = 256
[cluster.compute_model]
kind = "affine"
base_ms = 10
prefill_ms_per_token = 0.01
decode_ms_per_request = 0.08
decode_ms_per_context_token = 0
[trace]
rate = 4
num_prefixes = 0
prompt_tokens_mean = 100
gen_tokens_mean = 1000
gen_tokens_std = 0
[slo]
ttft_ms = 1000
`

test('requests that take long come for longer, unless somebody says for how long', async () => {
  const { answers, scenario } = await capacity({ ...options, config: parseConfig(slow), seeds: 1 })
  expect(answers[0]!.meets).toBeLessThan(8.3)
  expect(scenario.notes).toEqual([
    expect.stringMatching(/^requests take so long that 60 s .*: \d+ s are generated at each rate/),
  ])
  const asked = { ...options, config: parseConfig(slow), seeds: 1, durationSec: 20 }
  const short = await capacity(asked)
  expect(short.answers[0]!.meets).toBeGreaterThan(9)
  expect(short.scenario.notes).toEqual([
    expect.stringMatching(/^requests come for \S+ s and take \S+ s each in the mean: whether/),
    expect.stringMatching(/^whether 99% are within their targets is told by \d+ requests/),
  ])
})

/** Long prompts, of which a request that has another before it misses its target. */
const rare = `
[cluster]
num_backends = 1
model = "llama-3.1-70b"
tp = 4
[trace]
rate = 0.3
prompt_tokens_mean = 8000
prompt_tokens_std = 8000
gen_tokens_mean = 200
[slo]
ttft_ms = 6000
tpot_ms = 60
`

test('requests that come rarely come for longer, so that chance does not tell how many', async () => {
  const how = { config: parseConfig(rare), jobs: 1 }
  const carried = async (durationSec: number | undefined) => {
    const { answers, scenario } = await capacity({ ...how, durationSec })
    const { meets, probes } = answers[0]!
    const { requests } = probes.find(({ value }) => value === meets)!
    return { rate: meets!, requests, notes: scenario.notes }
  }
  const [minute, lengthened, long] = [
    await carried(60),
    await carried(undefined),
    await carried(2e4),
  ]
  expect(minute.rate / long.rate).toBeGreaterThan(1.3)
  expect(Math.abs(lengthened.rate / long.rate - 1)).toBeLessThan(0.2)
  expect(lengthened.requests).toBeGreaterThanOrEqual(1000)
  expect(minute.notes.join()).toMatch(
    /^whether 99% are within their targets is told by \d\d requests.* \(--duration \d+0\)$/,
  )
  expect(lengthened.notes.join()).toMatch(
    /^requests come so rarely that 60 s of them would not tell 99% .*: \d+0 s are generated at each rate/,
  )
  expect(long.notes).toEqual([])
})

test('the smallest fleet is the first of all fleets that meets the targets', async () => {
  const { answers, find } = await capacity({
    ...options,
    durationSec: 8,
    rate: 150,
    algorithms: ['random', 'power_of_two'],
  })
  expect(find).toBe('backends')
  const { points } = await sweep({
    ...options,
    durationSec: 8,
    rates: [150],
    algorithms: ['random', 'power_of_two'],
    set: { 'cluster.num_backends': Array.from({ length: 12 }, (_, i) => i + 1) },
  })
  for (const { algorithm, meets, misses, usd_per_hour } of answers) {
    const enough = points.find(
      ({ result }) =>
        result.algorithm === algorithm &&
        metric(result, 'slo.attainment').value! >= 0.99 &&
        result.saturation.verdict !== 'overloaded',
    )
    expect(meets).toBe(enough?.settings['cluster.num_backends'])
    expect(misses).toBe(meets! - 1)
    expect(usd_per_hour).toBeGreaterThan(0)
  }
})

const pools = (prefill: number, decode: number): string => `
[cluster]
model = "llama-3.1-8b"
num_backends = ${prefill + decode}
disaggregated = { enabled = true, prefill_backends = ${prefill}, decode_backends = ${decode} }
[trace]
rate = 60
duration_sec = 10
prompt_tokens_mean = 2000
[slo]
ttft_ms = 150
tpot_ms = 15
`

test('the smallest pools are the same from any proportion, and no others are smaller', async () => {
  const how = { jobs: 1, seeds: 1 }
  const isEnough = async (prefill: number, decode: number): Promise<boolean> => {
    const { points } = await sweep({
      ...how,
      rates: [60],
      config: parseConfig(pools(prefill, decode)),
    })
    const { result } = points[0]!
    const isWithin = metric(result, 'slo.attainment').value! >= 0.99
    return isWithin && result.saturation.verdict !== 'overloaded'
  }
  const splitsOf = (total: number) =>
    Array.from({ length: total - 1 }, (_, i) => [i + 1, total - i - 1] as const)
  let smallest = 2
  const enough: (readonly [number, number])[] = []
  for (; enough.length === 0; smallest++) {
    for (const split of splitsOf(smallest)) if (await isEnough(...split)) enough.push(split)
  }
  smallest--
  for (const start of [pools(2, 3), pools(4, 2), pools(1, 1)]) {
    const found = await capacity({ ...how, config: parseConfig(start), find: 'backends' })
    const { meets, misses, backends, fleet, usd_per_hour, probes } = found.answers[0]!
    expect({ meets, misses, backends }).toEqual({
      meets: smallest,
      misses: smallest - 1,
      backends: smallest,
    })
    const { split } = probes.find((probe) => probe.meets && probe.value === meets)!
    expect(enough).toContainEqual(split)
    expect(fleet).toBe(`${split![0]} prefill + ${split![1]} decode`)
    expect(usd_per_hour).toBeCloseTo(smallest * 3.5, 9)
    expect(found.verdict[0]).toContain(`needs ${smallest} backends (${fleet}) for 99%`)
    expect(found.runs).toBeLessThanOrEqual(10)
  }
})

test('the fleet is all its backends where one group grows, and other keys are no backends', async () => {
  const groups = parseConfig(`
[cluster]
model = "llama-3.1-8b"
[[cluster.backends]]
count = 1
[[cluster.backends]]
count = 1
gpu = "l40s"
[trace]
rate = 60
duration_sec = 10
[slo]
ttft_ms = 100
`)
  const how = { jobs: 1, seeds: 1, config: groups, find: 'backends' } as const
  const scale = 'cluster.backends.1.count'
  const { answers, verdict } = await capacity({ ...how, scale })
  const { meets, misses, backends, fleet, usd_per_hour, per_seed } = answers[0]!
  const grown = meets! - 1
  expect(grown).toBeGreaterThan(1)
  expect({ misses, backends }).toEqual({ misses: meets! - 1, backends: meets })
  expect(per_seed[0]).toMatchObject({ meets, misses })
  expect(fleet).toBe(`1 x H100 SXM + ${grown} x L40S`)
  expect(usd_per_hour).toBeCloseTo(3.5 + grown * findGpu('L40S').pricePerHourUsd, 9)
  expect(verdict[0]).toContain(`needs ${meets} backends (${fleet}) for 99%`)
  await expect(capacity({ ...how, scale: 'cluster.max_num_seqs' })).rejects.toThrow(
    'scale: expected the key that counts the backends of one of [[cluster.backends]] (cluster.backends.0.count to cluster.backends.1.count), got cluster.max_num_seqs',
  )
  await expect(capacity({ ...how, config, scale: 'cluster.max_num_seqs' })).rejects.toThrow(
    'scale: expected cluster.num_backends, which counts backends, got cluster.max_num_seqs',
  )
})

const priced = (keys: string): string => `
[cluster]
num_backends = 2
model = "llama-3.1-8b"
gpu = "h100-sxm"
${keys}
[trace]
rate = 40
duration_sec = 30
[slo]
ttft_ms = 500
tpot_ms = 50
`

test('the price of one GPU type is not that of others, and another is cheapest', async () => {
  const how = { jobs: 1, seeds: 1, rate: 40 }
  const { answers, verdict, scenario } = await capacity({
    ...how,
    config: parseConfig(priced('price_per_hour = 3.2')),
    gpus: ['H100Sxm', 'L40S', 'H100Sxm:tp=2', 'L40S:price_per_hour=5'],
  })
  const priceOf = (name: string): number => findGpu(name).pricePerHourUsd
  expect(answers.map((answer) => answer.usd_per_hour! / answer.backends!)).toEqual([
    ...[3.2, priceOf('L40S'), 2 * priceOf('H100Sxm'), 5],
  ])
  expect(verdict.at(-1)).toMatch(/^The cheapest is \d x L40S at/)
  expect(scenario.notes).toEqual([
    'cluster.price_per_hour is that of H100 SXM: L40S and H100 SXM:tp=2 have the price of the catalogue; --gpus L40S:price_per_hour=... says another',
  ])
  const said = {
    ...how,
    config: parseConfig(priced('')),
    gpus: ['H100Sxm:price_per_hour=3.2', 'L40S'],
  }
  const asSaid = await capacity(said)
  expect(asSaid.scenario.notes).toEqual([])
  expect(asSaid.answers.map(({ usd_per_hour: price }) => price)).toEqual(
    answers.slice(0, 2).map(({ usd_per_hour: price }) => price),
  )
})

test('KV blocks that only one GPU type has room for are not those of a smaller one', async () => {
  // 56.6 GB, where an L40S has 48 GB, 16 GB of them for weights.
  const blocks = 'kv_cache_blocks = 27000'
  const { scenario, answers } = await capacity({
    ...{ jobs: 1, seeds: 1, rate: 2 },
    config: parseConfig(
      priced(`${blocks}\ncompute_model = { kind = "roofline", matmul_scale = 1.1 }`),
    ),
    gpus: ['H100Sxm', 'L40S'],
  })
  expect(answers.map(({ problem }) => problem)).toEqual([null, null])
  expect(scenario.notes).toEqual([
    'cluster.kv_cache_blocks is that of H100 SXM: L40S has as many KV blocks as fit; --gpus L40S:kv_cache_blocks=... says another',
    'cluster.compute_model.matmul_scale is taken for L40S as for H100 SXM, although calibrate finds such factors with one GPU type',
    expect.stringContaining('is told by 63 requests'),
  ])
  const source = await configSource(parseConfig(priced(blocks)))
  const [h100, l40s] = candidatesOf(['random'], ['H100Sxm', 'L40S'], source)
  const blocksOf = (each: Candidate | undefined) =>
    source.with(each!.settings).cluster.kv_cache_blocks
  expect(blocksOf(h100)).toBe(27_000)
  const bare = parseConfig(priced('').replace('h100-sxm', 'l40s'))
  expect(blocksOf(l40s)).toBe(bare.cluster.kv_cache_blocks)
  expect(blocksOf(l40s) * 16 * 131_072).toBeLessThan(48e9 - 16e9)
})

test('where prompts do not fit into the KV cache, that is the reason, and not the load', async () => {
  const { answers, verdict } = await capacity({
    ...options,
    seeds: 1,
    config: parseConfig(`
[cluster]
num_backends = 2
kv_cache_blocks = 64
[trace]
rate = 10
duration_sec = 20
prompt_tokens_mean = 800
prompt_tokens_std = 300
[slo]
ttft_ms = 100000
`),
  })
  const { meets, probes } = answers[0]!
  expect(meets).toBeNull()
  expect(probes[0]!.oversized).toBeGreaterThan(0.05)
  expect(probes[0]!.saturation).toBe('stable')
  expect(verdict[0]).toMatch(
    /^round_robin: no rate down to .* leaves 99% within their targets \([\d.]+% have more tokens than any backend takes\)\.$/,
  )
})

test('a fleet is no smaller than its events say, and no larger than its stepper takes', async () => {
  const named = await capacity({
    ...options,
    config: parseConfig(`
[cluster]
num_backends = 6
[trace]
rate = 1
duration_sec = 30
[slo]
ttft_ms = 1000
[[events]]
at_sec = 3
kind = "slow"
factor = 2
backend = 2
`),
    find: 'backends',
  })
  const bound = '[[events]] name backend 2'
  expect(named.answers[0]).toMatchObject({ meets: 3, misses: null, bounded_by: bound })
  expect(named.verdict[0]).toBe(
    `round_robin: 3 backends are enough for 99% within their targets, $10.50/h; fewer were not tried, because ${bound}.`,
  )
  const scaled = parseConfig(`
[[cluster.backends]]
count = 2
kv_cache_blocks = 4000000
[[cluster.backends]]
count = 1
[trace]
rate = 1
duration_sec = 30
[slo]
ttft_ms = 0.001
[[events]]
at_sec = 3
kind = "drain"
backend = 2
`)
  const scale = 'cluster.backends.0.count'
  const large = await capacity({ ...options, seeds: 1, config: scaled, find: 'backends', scale })
  const blocks = scaled.cluster.backends![1]!.kv_cache_blocks
  // With the one of the other group.
  expect(large.answers[0]).toMatchObject({ meets: null, misses: 128 + 1 })
  expect(large.answers[0]!.probes[0]).toMatchObject({ value: 3, split: [2, 1] })
  const most = Math.floor((MOST_STORED_BLOCKS - blocks) / 4_000_000)
  expect(fleetSizes(scaled, scale, 'reference')).toMatchObject({ least: 2, most: [most] })
})

/** Long prompts, so that few of them a second are enough. */
function longPrompts() {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 200; i++)
    builder.add({ arrivalMs: i * 100, promptTokens: 4000, outputTokens: 50 })
  return builder.build()
}

test('a trace that the config names is the traffic at every rate, as one that is given', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'routesim-'))
  await writeTrace(join(directory, 'long.jsonl'), longPrompts(), 'compact_jsonl')
  const cluster = '[cluster]\nnum_backends = 2\n[slo]\nttft_ms = 400\n'
  const named = join(directory, 'named.toml')
  writeFileSync(named, `${cluster}[trace]\npath = "long.jsonl"\n`)
  const how = { jobs: 1, precision: 0.05 }
  const given = { config: parseConfig(cluster), trace: longPrompts() }
  for (const rate of [undefined, 100]) {
    const own = await capacity({ ...how, config: named, rate })
    const { answers, runs } = await capacity({ ...how, ...given, rate })
    expect({ answers: own.answers, runs: own.runs }).toEqual({ answers, runs })
    expect(own.scenario.source).toMatch(/^long\.jsonl/)
  }
  rmSync(directory, { recursive: true })
})

const workload = (arrivals: string, more = '') =>
  parseConfig(`
[cluster]
num_backends = 2
[slo]
ttft_ms = 400
[workload]
prompt_tokens = 500
output_tokens = 50
arrivals = ${arrivals}
${more}
`)

test('generated conversations have a capacity, told in the requests that came', async () => {
  const turns = 'sessions = { turns = 4, new_tokens = 100, think_time_sec = 5 }\nduration_sec = 20'
  const how = { jobs: 1, seeds: 2, precision: 0.5 }
  for (const config of [
    workload('{ rate_rps = 4 }', turns),
    parseConfig(`
[cluster]
num_backends = 2
[trace]
rate = 8
duration_sec = 20
turns_mean = 3
[slo]
ttft_ms = 400
`),
  ]) {
    const { answers, verdict, scenario } = await capacity({ ...how, config })
    const { meets, offered_per_sec: offered, probes } = answers[0]!
    const best = probes.find(({ value }) => value === meets)!
    expect(offered).toBe(best.offered_per_sec)
    expect(offered!).toBeLessThan(0.9 * meets!)
    const came = `${Number(offered!.toPrecision(3))} requests/s on average`
    const asked = Number(meets!.toPrecision(4))
    expect(verdict[0]).toContain(`round_robin carries ${came} (${asked} asked for) with 99%`)
    expect(scenario.notes.join()).toMatch(/conversations go on after the last of them has begun/)
    const fleet = await capacity({ ...how, config, rate: 10 })
    expect(fleet.verdict[0]).toContain('requests/s on average (10 asked for)')
  }
})

test('users and requests at once have no rate, which is said with the keys of the config', async () => {
  const at = 'workload.arrivals.kind: expected arrivals at a rate, got'
  const users = workload('{ kind = "users", users = 8 }', 'requests = 100')
  await expect(capacity({ ...options, config: users })).rejects.toThrow(`${at} "users"`)
  await expect(capacity({ ...options, config: users, rate: 9 })).rejects.toThrow(`${at} "users"`)
  await expect(sweep({ config: users, rates: [9] })).rejects.toThrow(`${at} "users"`)
  const once = workload('{ kind = "at_once" }', 'requests = 100')
  await expect(capacity({ ...options, config: once })).rejects.toThrow(`${at} "at_once"`)
  const clients = '[[workload.clients]]\nname = "a"\n[[workload.clients]]\nname = "b"\n'
  const two = workload(
    '{ rate_rps = 3 }',
    `requests = 100\n${clients}arrivals = { kind = "users", users = 2 }`,
  )
  await expect(capacity({ ...options, config: two })).rejects.toThrow(
    'workload.clients[1].arrivals.kind: expected arrivals at a rate, got "users"',
  )
})

test('requests that end traffic before its time are told, with the time that is left', async () => {
  const config = workload('{ rate_rps = 5 }', 'requests = 300')
  const { answers, scenario } = await capacity({
    ...options,
    config,
    durationSec: 600,
    precision: 0.5,
  })
  const { meets } = answers[0]!
  const sec = Number((300 / meets!).toPrecision(2))
  expect(scenario.notes).toEqual([
    `requests of [workload] end the traffic before its 600 s are over: after about ${sec} s at ${Number(meets!.toPrecision(4))} requests/s`,
    expect.stringMatching(/^requests come for \S+ s and take \S+ s each/),
    expect.stringMatching(/chance decides much of it with fewer than 1,000$/),
  ])
})

test('a duration without effect is refused', async () => {
  const config = workload('{ rate_rps = 5 }', 'requests = 300')
  await expect(capacity({ ...options, config, find: 'backends', durationSec: 9 })).rejects.toThrow(
    'duration: expected nothing beside traffic as the config has it, got 9',
  )
  await expect(capacity({ ...options, trace: longPrompts(), durationSec: 9 })).rejects.toThrow(
    'duration: expected nothing beside a trace, which has its own, got 9',
  )
})
