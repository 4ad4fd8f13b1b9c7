import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'
import { metric } from './metric.js'

const config = parseConfig(`
[simulation]
warmup_requests = 200
[cluster]
num_backends = 3
kv_cache_blocks = 300
max_queue_depth = 12
[trace]
generator = "bursty"
base_rate = 15
burst_rate = 60
burst_duration_sec = 5
duration_sec = 200
prefix_len_std = 80
`)
const algorithms = ['round_robin', 'prefix_overlap', 'random']

/** Numbers by path; those of distributions apart. */
function numbers(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => numbers(inner, `${path}.${key}`))
}

test('without per-request results counts are exact, and percentiles within half a percent', async () => {
  const [kept, streamed] = await Promise.all(
    [true, false].map((perRequest) => compare({ config, algorithms, perRequest, jobs: 1 })),
  )
  expect(streamed!.scenario).toEqual(kept!.scenario)
  expect(kept!.scenario.requests).toBeGreaterThan(3000)
  for (const [i, result] of kept!.results.entries()) {
    const found = new Map(numbers(streamed!.results[i]))
    for (const [path, value] of numbers(result)) {
      const tolerance = /\.(p\d\d|std)$/.test(path) ? 0.005 : 1e-12
      const off = Math.abs(found.get(path)! - value)
      expect(off, `${result.algorithm}${path}`).toBeLessThanOrEqual(tolerance * Math.abs(value))
    }
    expect(metric(result, 'rejected_requests').value).toBeGreaterThan(100)
    expect(streamed!.results[i]).toMatchObject({
      rejected_by_reason: result.rejected_by_reason,
      preemptions: result.preemptions,
    })
  }
})

test('it is so on worker threads too', async () => {
  const options = { config, algorithms, perRequest: false, seeds: 2 }
  const [one, two] = await Promise.all([1, 2].map((jobs) => compare({ ...options, jobs })))
  expect(JSON.stringify(two)).toBe(JSON.stringify(one))
})

test('what can not be without per-request results is told', async () => {
  const reference = compare({ config, algorithms, perRequest: false, stepper: 'reference' })
  await expect(reference).rejects.toMatchObject({ code: 'options_conflict', path: 'stepper' })
  const talking = { ...config, trace: { ...config.trace, turns_mean: 3 } }
  await expect(compare({ config: talking, perRequest: false })).rejects.toMatchObject({
    code: 'generator_invalid',
    path: 'trace.turns_mean',
    hint: 'Run it with per-request results.',
  })
})
