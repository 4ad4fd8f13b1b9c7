import { Readable } from 'node:stream'
import { RequestTableBuilder } from '@routesim/core'
import { readTrace } from '@routesim/traces'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { metric } from '../run/metric.js'
import { tune } from './tune.js'
import { whatif } from './whatif.js'

const config = parseConfig(`
[cluster]
num_backends = 4
[trace]
rate = 60
duration_sec = 15
num_prefixes = 20
`)
const options = { config, jobs: 1 }

function trace(size: number) {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++) {
    const promptTokens = 100 + ((i * 7919) % 900)
    builder.add({ arrivalMs: 500 + i * 20, promptTokens, outputTokens: 20 + (i % 30) })
  }
  return builder.build()
}

test('differences are those of two comparisons with the same seeds, pair by pair', async () => {
  const set = { 'cluster.num_backends': 1 }
  const { differences, results, pairs, runs } = await whatif({ ...options, set, seeds: 4 })
  expect([pairs, runs]).toEqual(['seeds', 8])
  const changed = { ...config, cluster: { ...config.cluster, num_backends: 1 } }
  const each = await Promise.all(
    [config, changed].map((own) =>
      Promise.all(
        [42, 43, 44, 45].map((seed) =>
          compare({ config: own, algorithms: ['round_robin'], seed, jobs: 1 }),
        ),
      ),
    ),
  )
  const p99 = each.map((side) => side.map(({ results: [one] }) => metric(one!, 'ttft.p99').value!))
  const gaps = p99[0]!.map((value, i) => p99[1]![i]! - value)
  const found = differences.find(({ path }) => path === 'ttft.p99')!
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / 4
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / 3)
  expect(found.difference).toBeCloseTo(mean, 9)
  // Student t for 3 degrees of freedom.
  expect(found.ci95! / ((3.18245 * deviation) / 2)).toBeCloseTo(1, 4)
  expect(found).toMatchObject({ outcome: 'worse', pairs: 4 })
  expect(metric(results[1], 'ttft.p99').value).toBeCloseTo(found.other, 9)
})

test('a change that does nothing is exactly equal, one that chance hides is not significant', async () => {
  const nothing = await whatif({ ...options, set: { 'cluster.max_queue_depth': 300 }, seeds: 3 })
  expect(nothing.differences.every(({ outcome }) => outcome === 'equal')).toBe(true)
  expect(nothing.verdict[0]).toMatch(/^Exactly equal in TTFT P50, /)
  const idle = await whatif({ ...options, set: { 'cluster.precision': 'fp8' }, seeds: 2 })
  expect(idle.scenario.notes).toContain('cluster.precision has no effect without a model')
  // Twice the backends of a fleet that is not busy.
  const twice = await whatif({ ...options, set: { 'cluster.num_backends': 8 }, seeds: 4 })
  const p99 = twice.differences.find(({ path }) => path === 'ttft.p99')!
  expect(p99.outcome).toBe('unclear')
  expect(Math.abs(p99.difference)).toBeLessThan(p99.ci95!)
  expect(twice.verdict.join(' ')).toMatch(/No significant difference in [^.]*TTFT P99/)
})

/** Conversations of six turns, of which each turn has the prompts of those before; one starts every second. */
async function chats(count: number) {
  const records = Array.from({ length: count }, (_, i) =>
    Array.from({ length: 6 }, (_, turn) => ({
      ...(turn === 0 ? { ts: i * 1000 } : { think_ms: 20_000 }),
      ...{ prompt_tokens: 300 + 120 * turn, gen_tokens: 100, conversation_id: `c${i}` },
    })),
  )
  const text = records
    .flat()
    .map((record) => JSON.stringify(record))
    .join('\n')
  const { table } = await readTrace({ stream: Readable.from([text]) })
  return table
}

test('of a trace, the difference is that of two runs of all of it, however many windows there are', async () => {
  const warm = parseConfig(`
[cluster]
num_backends = 2
kv_cache_blocks = 20000
[simulation]
warmup_requests = 60
[slo]
ttft_ms = 25
`)
  const trace = await chats(60)
  const given = { config: warm, jobs: 1, trace }
  const algorithms = ['round_robin', 'session_affinity']
  const { results } = await compare({ ...given, algorithms })
  for (const windows of [2, 6]) {
    const found = await whatif({ ...given, otherAlgorithm: 'session_affinity', windows })
    expect(found.results).toEqual(results)
    expect([found.pairs, found.runs]).toEqual(['windows', 2])
    for (const { path, base, other, difference, pairs } of found.differences) {
      const [from, to] = results.map((result) => metric(result, path).value!)
      expect([path, base, other, pairs]).toEqual([path, from, to, windows])
      expect(difference).toBe(to! - from!)
    }
  }
})

test('turns find the ones before them in the cache, however short windows are', async () => {
  const config = parseConfig('[cluster]\nnum_backends = 2\nkv_cache_blocks = 20000')
  const given = { config, jobs: 1, trace: await chats(120), otherAlgorithm: 'session_affinity' }
  const { differences } = await whatif(given)
  const hits = differences.find(({ path }) => path === 'token_hit_rate')!
  expect(hits.outcome).toBe('better')
  // Of a turn, all but 20 tokens and the rest of a block have been on its backend.
  expect(hits.other).toBeGreaterThan(0.8)
})

test('what happens to backends in the middle of a trace happens in the window that holds it', async () => {
  const eventful = parseConfig(`
[cluster]
num_backends = 4
[[events]]
at_sec = 15
kind = "slow"
backend = 0
factor = 30
`)
  const { differences } = await whatif({
    config: eventful,
    jobs: 1,
    trace: trace(1000),
    windows: 4,
    set: { 'events.0.factor': 1 },
  })
  const tbt = differences.find(({ path }) => path === 'tbt.p99')!
  // Only the last of the windows has the slow backend.
  expect([tbt.outcome, tbt.pairs]).toEqual(['unclear', 4])
  expect(tbt.difference).toBeLessThan(0)
})

test('a client that holds requests back has windows, too', async () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 400; i++) builder.add({ arrivalMs: 0, promptTokens: 100, outputTokens: 20 })
  const given = { config, jobs: 1, concurrency: 8, trace: builder.build() }
  const { differences } = await whatif({ ...given, set: { 'cluster.num_backends': 1 } })
  const rate = differences.find(({ path }) => path === 'requests_per_sec')!
  expect(rate).toMatchObject({ outcome: 'worse', pairs: 8 })
  expect(rate.ci95).toBeLessThan(-rate.difference / 10)
})

test('the same twice, too few requests and one seed are refused', async () => {
  await expect(whatif(options)).rejects.toThrow('whatif: expected something that changes')
  const set = { 'cluster.num_backends': 2 }
  await expect(whatif({ ...options, set, trace: trace(60) })).rejects.toThrow(
    'trace: expected at least 100 requests to compare in, got 60',
  )
  await expect(whatif({ ...options, set, seeds: 1 })).rejects.toThrow('at least 2')
  await expect(whatif({ ...options, set, windows: 1 })).rejects.toThrow('windows: expected')
})

test('a short trace has fewer windows, and those of both sides begin at the same requests', async () => {
  const warm = { ...config, simulation: { ...config.simulation, warmup_requests: 100 } }
  const set = { 'cluster.num_backends': 2 }
  const { differences } = await whatif({ config: warm, jobs: 1, trace: trace(390), set })
  // Of 8, each would have 36.
  expect(differences[0]!.pairs).toBe(5)
  const longer = { 'simulation.warmup_requests': 200 }
  const other = await whatif({ config: warm, jobs: 1, trace: trace(390), set: longer })
  expect(other.differences[0]!.pairs).toBe(3)
  await expect(whatif({ config: warm, jobs: 1, trace: trace(180), set })).rejects.toThrow(
    'trace: expected at least 100 requests to compare in, got 80',
  )
})

test('workers, and runs that keep nothing per request elsewhere, find the same', async () => {
  const given = { config, trace: trace(400), set: { 'cluster.num_backends': 2 } }
  const alone = await whatif({ ...given, jobs: 1 })
  const { differences } = await whatif({ ...given, jobs: 2, perRequest: false })
  expect(differences).toEqual(alone.differences)
})

test('requests that fail or time out are told of beside the latencies of those that do not', async () => {
  const failing = parseConfig(`
[cluster]
num_backends = 2
[client]
retries = 0
[trace]
rate = 20
duration_sec = 20
[[events]]
at_sec = 10
kind = "fail"
backend = 1
`)
  const set = { 'client.timeout_ms': 400 }
  const { differences, results } = await whatif({ config: failing, jobs: 1, seeds: 3, set })
  for (const path of ['failed_requests', 'timed_out_requests']) {
    const found = differences.find((each) => each.path === path)!
    expect(found.base).toBe(metric(results[0], path).value)
    expect(found.other).toBe(metric(results[1], path).value)
  }
  const timedOut = differences.find(({ path }) => path === 'timed_out_requests')!
  expect([timedOut.base, timedOut.outcome]).toEqual([0, 'worse'])
})

const crowded = parseConfig(`
[cluster]
num_backends = 2
max_num_seqs = 4
max_queue_depth = 100000
[trace]
rate = 60
duration_sec = 15
`)

test('a fleet that is overloaded is said to be so, as by a comparison', async () => {
  const overloaded = (notes: readonly string[]): string[] =>
    notes.filter((note) => note.startsWith('the fleet is overloaded'))
  const given = { config: crowded, jobs: 1, seeds: 2 }
  const { scenario } = await whatif({ ...given, otherAlgorithm: 'random' })
  const compared = await compare({ ...given, algorithms: ['round_robin', 'random'] })
  expect(overloaded(scenario.notes)).toEqual(overloaded(compared.scenario.notes))
  expect(overloaded(scenario.notes)).toHaveLength(1)
  const set = { 'cluster.num_backends': 100 }
  const mended = await whatif({ ...given, set, otherAlgorithm: 'random' })
  expect(overloaded(mended.scenario.notes)[0]).toContain('with round_robin on this traffic')
})

test('tuning says so, too', async () => {
  const { scenario } = await tune({
    ...{ config: crowded, jobs: 1, algorithm: 'prefix_aware', only: ['cache_weight'] },
    ...{ candidates: 2, windows: 2 },
  })
  expect(scenario.notes.join()).toContain('the fleet is overloaded')
})
