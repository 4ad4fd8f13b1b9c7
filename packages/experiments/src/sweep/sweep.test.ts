import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { loadAlgorithm } from '../routers/load-algorithm.js'
import { compare } from '../run/compare.js'
import { mergeResultLogs } from './merge-results.js'
import { readResultLog } from './result-log.js'
import { sweep } from './sweep.js'

const TOML = `
[cluster]
num_backends = 2
kv_cache_blocks = 500
[trace]
rate = 20
duration_sec = 10
[sweep]
algorithms = ["random"]
seeds = 2
[sweep.set]
"cluster.num_backends" = [1, 3]
`
const config = parseConfig(TOML)
const newLog = () => join(mkdtempSync(join(tmpdir(), 'routesim-sweep-')), 'runs.jsonl')
const options = { config, jobs: 1 }

function trace() {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 101; i++)
    builder.add({ arrivalMs: 500 + i * 100, promptTokens: 300, outputTokens: 10 })
  return builder.build()
}

test('the section of the config says what to go through, options go before it', async () => {
  const { points, totalRuns } = await sweep(options)
  expect(points.map(({ settings }) => settings)).toEqual([
    { 'cluster.num_backends': 1 },
    { 'cluster.num_backends': 3 },
  ])
  expect(totalRuns).toBe(4)
  const own = await sweep({
    ...options,
    seeds: 1,
    set: { 'cluster.max_num_seqs': [8] },
    rates: [5, 9],
  })
  expect(own.points.map(({ rate, settings }) => [rate, settings])).toEqual([
    [5, { 'cluster.max_num_seqs': 8 }],
    [9, { 'cluster.max_num_seqs': 8 }],
  ])
})

test('a point is what a comparison with that config gives', async () => {
  const { points } = await sweep(options)
  const alone = parseConfig(TOML.replace('num_backends = 2', 'num_backends = 3'))
  const { results } = await compare({ config: alone, algorithms: ['random'], seeds: 2, jobs: 1 })
  expect(points[1]!.result).toEqual(results[0])
})

test('what follows from a key that is set follows anew', async () => {
  const source = join(mkdtempSync(join(tmpdir(), 'routesim-sweep-')), 'model.toml')
  writeFileSync(
    source,
    '[cluster]\nnum_backends = 1\nmodel = "llama-3.1-8b"\ngpu = "A100 80GB"\n[trace]\nrate = 2\nduration_sec = 5\n',
  )
  const set = { 'cluster.gpu': ['A100 80GB', 'H200'] }
  const { points } = await sweep({ config: source, set, jobs: 1 })
  const blocks = points.map(({ result }) => result.per_backend_cache_stats[0]!.total_blocks)
  const prices = points.map(({ result }) => result.estimated_cost_per_1k_tokens)
  expect(blocks[0]).toBeGreaterThan(1000)
  expect(prices[0]).not.toEqual(prices[1])
})

test('a trace that is given arrives at each rate, all else being as it was', async () => {
  const table = trace()
  const { points } = await sweep({ ...options, trace: table, rates: [10, 20], set: {}, seeds: 1 })
  const spans = points.map(({ result }) => result.saturation.offered_per_sec as number)
  expect(spans[0]).toBeCloseTo(10, 6)
  expect(spans[1]).toBeCloseTo(20, 6)
})

test('requests that arrive at one time have no rate that could be another', async () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 50; i++) builder.add({ arrivalMs: 0, promptTokens: 300, outputTokens: 10 })
  const given = { ...options, trace: builder.build(), rates: [1, 10], set: {}, seeds: 1 }
  await expect(sweep(given)).rejects.toThrow(
    'rates: expected requests at different times, of which there is a rate, got 50 requests over 0 ms',
  )
  const { points } = await sweep({ ...given, arrivals: 'poisson' })
  const offered = points.map(({ result }) => result.saturation.offered_per_sec as number)
  expect(offered[0]).toBeLessThan(2)
  expect(offered[1]).toBeGreaterThan(5)
})

test('a GPU type that is gone through without a model is told to change the price alone', async () => {
  const { scenario } = await sweep({
    ...{
      config: parseConfig('[cluster]\nnum_backends = 1\n[trace]\nrate = 9\nduration_sec = 2'),
      jobs: 1,
    },
    set: { 'cluster.gpu_type': ['H100Sxm', 'T4'] },
  })
  expect(scenario.notes).toEqual([
    'cluster.gpu_type has no effect but on the price without a model',
  ])
})

test('the seed is no axis, since every point has all seeds', async () => {
  await expect(sweep({ ...options, set: { 'simulation.seed': [1, 2] } })).rejects.toMatchObject({
    message: expect.stringMatching(/^set simulation.seed: expected another key/),
    hint: 'Give --seeds 5, and --seed for the first of them.',
  })
})

test('a run that fails is told, and the others go on, in this thread and on workers', async () => {
  for (const jobs of [1, 2]) {
    const log = newLog()
    const { points, failures } = await sweep({
      ...{ config, jobs, log },
      set: { 'simulation.warmup_requests': [0, 100_000], 'cluster.num_backends': [2, 0] },
    })
    expect(points).toHaveLength(1)
    expect(failures.map(({ message }) => message.split(':')[0])).toEqual([
      'set cluster.num_backends',
      'set cluster.num_backends',
      'warm-up leaves nothing to measure',
      'warm-up leaves nothing to measure',
      'set cluster.num_backends',
      'set cluster.num_backends',
    ])
    expect((await readResultLog(log)).records).toHaveLength(8)
  }
})

test('a mistake that spoils every point is an error', async () => {
  await expect(sweep({ ...options, set: { 'cluster.num_backend': [1, 2] } })).rejects.toThrow(
    'set cluster.num_backend: unknown key; did you mean "num_backends"?',
  )
  await expect(sweep({ ...options, set: { '__proto__.x': [1, 2] } })).rejects.toThrow(/unknown key/)
  expect(Reflect.get({}, 'x')).toBeUndefined()
  const still = parseConfig('[cluster]\nnum_backends = 1\n[trace]\nrate = 1')
  await expect(sweep({ config: still })).rejects.toThrow('expected something to go through')
})

test('resuming does what is missing, also of a larger sweep', async () => {
  const log = newLog()
  const first = await sweep({ ...options, log, shard: { index: 1, count: 2 } })
  expect(first.points).toHaveLength(2)
  expect((await readResultLog(log)).records.map(({ run }) => run)).toEqual([1, 3])
  await expect(sweep({ ...options, log })).rejects.toMatchObject({ code: 'log_exists' })
  const seen: number[] = []
  const onProgress = ({ totalRuns }: { totalRuns: number }): void => void seen.push(totalRuns)
  const all = await sweep({ ...options, log, resume: true, onProgress })
  expect(new Set(seen)).toEqual(new Set([2]))
  expect(all).toEqual(await sweep(options))
  const before = readFileSync(log, 'utf8')
  const set = { 'cluster.num_backends': [1, 2, 3] }
  const larger = await sweep({ ...options, log, resume: true, set })
  expect(larger.points).toEqual((await sweep({ ...options, set })).points)
  // Two new runs; those of 3 backends have another place now.
  const added = readFileSync(log, 'utf8').slice(before.length).trim().split('\n')
  expect(added).toHaveLength(6)
})

test('the log of a part is not resumed as that of another', async () => {
  const log = newLog()
  const part = (index: number, count: number) =>
    sweep({ ...options, log, resume: true, shard: { index, count } })
  await part(1, 2)
  const before = readFileSync(log, 'utf8')
  for (const [index, count] of [
    [0, 2],
    [0, 1],
    [1, 4],
  ] as const) {
    await expect(part(index, count)).rejects.toMatchObject({
      code: 'log_of_other_runs',
      message: `${log}: expected the log of part ${index}/${count} of the sweep, got that of part 1/2`,
      hint: 'Go on with --shard 1/2, or name another file.',
    })
  }
  expect((await part(1, 2)).points).toHaveLength(2)
  expect(readFileSync(log, 'utf8')).toBe(before)
})

test('a log is not resumed with a router of which an imported file has changed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-router-'))
  const place = (index: number): void =>
    writeFileSync(join(folder, 'place.ts'), `export const place = ${index}`)
  place(0)
  const file = join(folder, 'mine.ts')
  writeFileSync(
    file,
    `import { defineRouter } from '@routesim/algorithms'
    import { place } from './place.js'
    const create = () => ({ name: 'mine', route: (_, { backends }) => backends[place] })
    export default defineRouter({ name: 'mine', description: 'One.', parameters: {}, create })`,
  )
  const algorithms = [await loadAlgorithm(file)]
  const log = newLog()
  const asked = { ...options, algorithms, log, resume: true }
  await sweep(asked)
  await expect(sweep(asked)).resolves.toMatchObject({ totalRuns: 4 })
  place(1)
  await expect(sweep(asked)).rejects.toMatchObject({ code: 'log_of_other_runs' })
})

test('points that simulate the same have a row each, resumed and in parts too', async () => {
  const set = { 'simulation.name': ['a', 'b'], 'cluster.num_backends': [2] }
  const seen: number[] = []
  const onProgress = ({ totalRuns }: { totalRuns: number }): void => void seen.push(totalRuns)
  const log = newLog()
  const whole = await sweep({ ...options, set, log, onProgress })
  expect(new Set(seen)).toEqual(new Set([2]))
  const names = whole.points.map(({ settings }) => settings['simulation.name'])
  expect([names, whole.totalPoints]).toEqual([['a', 'b'], 2])
  expect(whole.points[0]!.result).toEqual(whole.points[1]!.result)
  expect(whole.points[0]!.result).toMatchObject({ seeds: [42, 43] })
  const one = await sweep({ ...options, set, seeds: 1 })
  expect(one.points).toHaveLength(2)

  const before = readFileSync(log, 'utf8')
  expect(await sweep({ ...options, set, log, resume: true })).toEqual(whole)
  expect(readFileSync(log, 'utf8')).toBe(before)
  const { records } = await mergeResultLogs([log])
  expect(records.map(({ run }) => run)).toEqual([0, 1, 2, 3])
  const parts = [newLog(), newLog(), newLog()]
  for (const [index, part] of parts.entries()) {
    await sweep({ ...options, set, log: part, shard: { index, count: 3 } })
  }
  expect((await mergeResultLogs(parts)).records).toEqual(records)

  // In another order, and as part of a larger sweep, each is still there once.
  const larger = { ...set, 'simulation.name': ['b', 'c', 'a'] }
  const resumed = await sweep({ ...options, set: larger, log, resume: true })
  expect(resumed.points).toEqual((await sweep({ ...options, set: larger })).points)
  expect((await mergeResultLogs([log])).records.map(({ run }) => run)).toEqual([0, 1, 2, 3, 4, 5])
})

test('equal points of a sample and equal rates are one point', async () => {
  const drawn = { from: 2, to: 3, integer: true }
  const sample = await sweep({
    ...options,
    ...{ set: { 'cluster.num_backends': drawn }, sampling: 'random', points: 8 },
  })
  expect(sample).toMatchObject({ totalPoints: 2, totalRuns: 4 })
  expect(sample.points).toHaveLength(2)
  const rates = await sweep({ ...options, set: {}, rates: [5, 5] })
  expect(rates.points.map(({ rate }) => rate)).toEqual([5])
})

test('a sweep that is stopped names the seeds that were run, and says what has fewer', async () => {
  const stopAfter = async (count: number) => {
    const controller = new AbortController()
    const onProgress = ({ finishedRuns }: { finishedRuns: number }): void => {
      if (finishedRuns === count) controller.abort()
    }
    const { signal } = controller
    return sweep({ ...options, seeds: 3, signal, onProgress })
  }
  const one = await stopAfter(1)
  expect(one).toMatchObject({ interrupted: true, totalPoints: 2, scenario: { seeds: [42] } })
  expect(one.scenario.notes).toContain('1 point was stopped before all 3 seeds were run')
  const { scenario } = await stopAfter(3)
  expect(scenario.seeds).toEqual([42, 43, 44])
  expect(scenario.notes).toEqual([])
})
