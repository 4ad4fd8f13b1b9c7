import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { LiveFleet } from '../testing/live-fleet.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

/** Samples of an algorithm's own in two scrapes, and what was logged of them. */
async function scraped(customMetrics: string) {
  const algorithm = algorithmFile(`{
    name: 'own',
    route: (request, cluster) => cluster.backends[0],
    ${customMetrics},
  }`)
  const log: RouterLogEntry[] = []
  const router = await fleet.router(
    [await fleet.workers(1)],
    { algorithm },
    { onLog: (entry) => log.push(entry) },
  )
  let text = ''
  for (const _ of [1, 2]) {
    const response = await fetch(`${router.adminUrl}/metrics`)
    expect(response.status).toBe(200)
    text = await response.text()
  }
  expect(text).toContain('routesim_requests_total')
  return {
    samples: text.split('\n').filter((line) => line.startsWith('routesim_algorithm_')),
    told: log.filter(({ event }) => event === 'metric_left_out' || event === 'fault'),
  }
}

test('figures that are no numbers, or that have the name of another, are left out and told of once', async () => {
  const { samples, told } = await scraped(`customMetrics: () => ({
    last_seen_ms: undefined, rate: NaN, most: Infinity, label: 'x', 'a b': 1, 'a-b': 2, size: 0.5,
  })`)
  expect(samples).toEqual(['routesim_algorithm_a_b 1', 'routesim_algorithm_size 0.5'])
  expect(told.map(({ algorithm, metric, why }) => [algorithm, metric, why])).toEqual([
    ['own', 'last_seen_ms', 'expected a finite number, got undefined'],
    ['own', 'rate', 'expected a finite number, got NaN'],
    ['own', 'most', 'expected a finite number, got Infinity'],
    ['own', 'label', 'expected a finite number, got a string'],
    ['own', 'a-b', 'expected another name than a b, as both are a_b in /metrics'],
  ])
})

test('a hook that throws costs its own figures alone', async () => {
  const { samples, told } = await scraped("customMetrics() { throw new Error('no') }")
  expect(samples).toEqual([])
  expect(told).toHaveLength(1)
  expect(told[0]!['what']).toContain('router "own" threw in customMetrics(): Error: no')
})
