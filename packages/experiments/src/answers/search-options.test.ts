import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { capacity } from './capacity.js'
import { robustness } from './robustness.js'
import { tune } from './tune.js'
import { whatif } from './whatif.js'

function config(concurrency = '') {
  return parseConfig(`
[cluster]
num_backends = 2
[trace]
rate = 40
duration_sec = 3
[slo]
ttft_ms = 300
[workload]
${concurrency}
`)
}

const free = config()
const limited = config('concurrency = 6')

test('searches hold requests back at the client as a config that says so', async () => {
  const how = { jobs: 1, seeds: 2 }
  const algorithms = ['round_robin', 'random']
  const answersOf = async (own: { config: typeof free; concurrency?: number }) => {
    const given = { ...own, ...how }
    const { differences } = await whatif({ ...given, otherAlgorithm: 'random' })
    const { settings } = await robustness({ ...given, algorithms, visibility: 'exact' })
    const { answers } = await capacity({ ...given, find: 'backends' })
    const algorithm = 'prefix_aware'
    const { held_out } = await tune({
      ...given,
      ...{ algorithm, candidates: 1, only: ['ties'], windows: 2 },
    })
    return { differences, values: settings[0]!.values, answers, held_out }
  }
  const asOption = await answersOf({ config: free, concurrency: 6 })
  expect(asOption).toEqual(await answersOf({ config: limited }))
  const { differences } = await whatif({ config: free, ...how, otherAlgorithm: 'random' })
  expect(asOption.differences).not.toEqual(differences)
})

test('a limit of requests in flight needs per-request results, and is what may change', async () => {
  const set = { 'cluster.num_backends': 1 }
  const given = { config: free, jobs: 1, seeds: 2, concurrency: 6 }
  await expect(whatif({ ...given, set, perRequest: false })).rejects.toThrow(
    'concurrency: needs per-request results, which this run does not keep, got 6',
  )
  const { differences } = await whatif({ ...given, set: { 'workload.concurrency': 1 } })
  expect(differences.find(({ path }) => path === 'requests_per_sec')!.outcome).toBe('worse')
})
