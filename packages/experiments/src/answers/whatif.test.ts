import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { metric } from '../run/metric.js'
import { rowsOf, windowsOf } from './paired-samples.js'
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

test('a trace is cut into windows, each after the one before, and nothing is measured twice', async () => {
  const table = trace(1000)
  const samples = windowsOf(table, { from: 500, windows: 4, warmup: 0, seed: 1 })
  const adapted = samples.map((sample) => sample.adapted(config).simulation.warmup_requests)
  expect(adapted).toEqual([125, 125, 125, 125])
  const part = rowsOf(table, 375, 625)
  expect([part.size, part.arrivalMs[0]]).toEqual([250, 0])
  const { pairs, differences, results } = await whatif({
    ...options,
    trace: table,
    set: { 'cluster.num_backends': 1 },
  })
  expect(pairs).toBe('windows')
  expect(differences[0]!.pairs).toBe(8)
  expect(metric(results[0], 'completed_requests').value).toBe(1000)
})

test('windows of a trace at another rate keep the gaps that they have in it', async () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 400; i++) {
    const arrivalMs = i < 200 ? i * 90 : 18_000 + (i - 200) * 10
    builder.add({ arrivalMs, promptTokens: 100, outputTokens: 2 })
  }
  const given = parseConfig(
    '[cluster]\nnum_backends = 4\n[trace]\narrivals = "rescaled"\nrate = 20',
  )
  const [slow, fast] = windowsOf(builder.build(), { from: 0, windows: 2, warmup: 0, seed: 1 })
  for (const [sample, requests, lastMs] of [
    [slow!, 200, 199 * 90],
    [fast!, 400, 18_000 + 199 * 10],
  ] as const) {
    const { workload } = await sample.traffic.at(sample.adapted(given), undefined)
    expect(await workload.extent(1)).toEqual({ requests, spanMs: lastMs })
  }
})

test('what happens to backends in the middle of a trace happens in the windows that hold it', async () => {
  const eventful = parseConfig(`
[cluster]
num_backends = 4
${[
  [15, 0, 'slow'],
  [4, 1, 'fail'],
  [6, 1, 'recover'],
  [11, 2, 'add'],
  [12, 3, 'drain'],
]
  .map(([at, backend, kind]) => {
    const factor = kind === 'slow' ? 'factor = 30' : ''
    return `[[events]]\nat_sec = ${at}\nkind = "${kind}"\nbackend = ${backend}\n${factor}`
  })
  .join('\n')}
`)
  const table = trace(1000)
  const last = windowsOf(table, { from: 0, windows: 4, warmup: 0, seed: 1 })[3]!
  expect(last.adapted(eventful).events.map(({ kind, at_sec }) => [kind, at_sec])).toEqual([
    ['fail', 0],
    ['recover', 0],
    ['add', 0.5],
    ['drain', 1.5],
    ['slow', 4.5],
  ])
  const { differences } = await whatif({
    config: eventful,
    jobs: 1,
    trace: table,
    windows: 4,
    set: { 'events.0.factor': 1 },
  })
  const tbt = differences.find(({ path }) => path === 'tbt.p99')!
  // Only the last of the windows has the slow backend.
  expect([tbt.outcome, tbt.pairs]).toEqual(['unclear', 4])
  expect(tbt.difference).toBeLessThan(0)
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

test('a short trace has fewer windows, so that the first has requests after the warm-up', async () => {
  const warm = { ...config, simulation: { ...config.simulation, warmup_requests: 100 } }
  const set = { 'cluster.num_backends': 2 }
  const { differences } = await whatif({ config: warm, jobs: 1, trace: trace(690), set })
  // Of 8, each would have 86.
  expect(differences[0]!.pairs).toBe(4)
  const longer = { 'simulation.warmup_requests': 200 }
  const other = await whatif({ config: warm, jobs: 1, trace: trace(690), set: longer })
  expect(other.differences[0]!.pairs).toBe(2)
  await expect(whatif({ config: warm, jobs: 1, trace: trace(280), set })).rejects.toThrow(
    'trace: expected at least 300 requests to compare in after a warm-up of 100, got 280',
  )
})
