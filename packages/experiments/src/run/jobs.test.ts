import { defineRouter } from '@routesim/algorithms'
import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { sweep } from '../sweep/sweep.js'
import { compare } from './compare.js'
import type { Progress } from './execute.js'

const config = parseConfig(`
[simulation]
warmup_requests = 20
[cluster]
num_backends = 3
kv_cache_blocks = 600
[trace]
rate = 40
duration_sec = 10
turns_mean = 3
think_time_mean_sec = 2
`)
const algorithms = ['round_robin', 'random', 'prefix_aware:cache_weight=0.9', 'prefix_overlap']

function table() {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 300; i++) {
    const promptNode = builder.prompts.stream(-1, i % 7, 400)
    builder.add({ arrivalMs: i * 9, promptTokens: 500, outputTokens: 20, promptNode })
  }
  return builder.build()
}

test('generated traffic under several seeds gives the same bytes on two workers', async () => {
  const options = { config, algorithms, seeds: 3 }
  const [one, two] = await Promise.all([1, 2].map((jobs) => compare({ ...options, jobs })))
  expect(one!.results).toHaveLength(4)
  expect(JSON.stringify(two)).toBe(JSON.stringify(one))
})

test('so does a table that the caller made, and progress adds up over the workers', async () => {
  const seen: Progress[] = []
  const options = { config, algorithms, trace: table(), stepper: 'reference' } as const
  const onProgress = (progress: Progress): void => void seen.push(progress)
  const one = await compare({ ...options, jobs: 1 })
  const two = await compare({ ...options, jobs: 2, onProgress })
  expect(JSON.stringify(two)).toBe(JSON.stringify(one))
  expect(seen.at(-1)).toMatchObject({ finishedRuns: 4, totalRuns: 4, fraction: 0 })
  for (const { finishedRuns, fraction } of seen) {
    expect(finishedRuns + fraction).toBeLessThanOrEqual(4)
  }
})

test('an error crosses from a worker as it is thrown without', async () => {
  const trace = { ...config.trace, rate: 1, duration_sec: 10 }
  const options = { config: { ...config, trace }, algorithms: ['round_robin', 'random'] }
  const errors = await Promise.all(
    [1, 2].map((jobs) => compare({ ...options, jobs, seed: 1 }).catch((error: unknown) => error)),
  )
  const [alone, fromWorker] = errors as Error[]
  expect(alone).toMatchObject({ name: 'RouteSimError', code: 'warmup_leaves_nothing' })
  expect(fromWorker).toBeInstanceOf(Error)
  const told = ({ name, message, ...rest }: Error) => ({ name, message, ...rest })
  expect(told(fromWorker!)).toEqual(told(alone!))
})

test('routers that live in this thread only run in this thread', async () => {
  let created = 0
  const mine = defineRouter({
    name: 'mine',
    description: 'Counts its instances.',
    create: () => {
      created++
      return { route: (_, { backends }) => backends[0]! }
    },
  })
  const { results } = await compare({ config, algorithms: [mine, 'random'], seeds: 2, jobs: 2 })
  expect(results.map(({ algorithm }) => algorithm)).toEqual(['mine', 'random'])
  expect(created).toBe(3) // once to check it, and once per seed
})

test('what is finished when it is stopped is kept, and the workers are gone', async () => {
  const controller = new AbortController()
  const onProgress = ({ finishedRuns }: Progress): void => {
    if (finishedRuns >= 3) controller.abort()
  }
  const { signal } = controller
  const options = { config, rates: Array.from({ length: 200 }, (_, i) => 20 + i), durationSec: 10 }
  const report = await sweep({ ...options, jobs: 2, signal, onProgress })
  expect(report.interrupted).toBe(true)
  expect(report.points.length).toBeGreaterThanOrEqual(3)
  expect(report.points.length).toBeLessThan(200)
})

test('details are those of the first seed of each result, on workers too, and change no result', async () => {
  const options = { config, algorithms, seeds: 2 }
  const [plain, one, two] = await Promise.all([
    compare({ ...options, jobs: 1 }),
    compare({ ...options, jobs: 1, detail: true }),
    compare({ ...options, jobs: 2, detail: true }),
  ])
  expect(plain.details).toEqual(algorithms.map(() => undefined))
  expect(one.results).toEqual(plain.results)
  expect(JSON.stringify(two.details)).toBe(JSON.stringify(one.details))
  const alone = await compare({ config, algorithms, jobs: 1 })
  alone.results.forEach((result, i) => {
    const { curves } = one.details[i]!
    const { p50 } = result.ttft as { p50: number }
    expect(curves.ttft_ms[curves.quantiles.indexOf(0.5)]).toBe(Number(p50.toPrecision(5)))
  })
})

test('an observer sees every step and the result, and changes nothing but the order of sums', async () => {
  let steps = 0
  let size = 0
  const observer = {
    stepCompleted: () => void steps++,
    finished: ({ requests }: { requests: { size: number } }) => {
      size = requests.size
    },
  }
  const options = { config, trace: table(), algorithms: ['round_robin'] }
  const [plain] = (await compare(options)).results
  const [seen] = (await compare({ ...options, observer })).results
  expect(size).toBe(300)
  expect(steps).toBeGreaterThan(300)
  expect(seen!.completed_requests).toBe(plain!.completed_requests)
  const refused = compare({ ...options, observer, perRequest: false })
  await expect(refused).rejects.toThrow('observer: needs per-request results')
})
