import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

test('a router that moves requests hears that each move is refused, and the log says so once', async () => {
  const algorithm = algorithmFile(`{
    name: 'mover',
    migrates: true,
    refused: 0,
    route: (request, cluster) => cluster.backends[0],
    onFirstToken: (request, backend, cluster) => cluster.migrate(request.id, cluster.backends[1]),
    onMigrated(request, backend, hasMoved) {
      if (!hasMoved && backend.id === 0) this.refused++
    },
    customMetrics() {
      return { refused: this.refused }
    },
  }`)
  const log: RouterLogEntry[] = []
  const router = await fleet.router(
    [await fleet.workers(2)],
    { algorithm },
    { onLog: (entry) => log.push(entry) },
  )
  for (const prompt of ['x', 'y']) expect((await complete(router.url, { prompt })).status).toBe(200)
  expect(router.core.customMetrics).toEqual({ refused: 2 })
  expect(log.filter(({ event }) => event !== 'worker_up')).toEqual([
    { event: 'moves_refused', algorithm: 'mover' },
  ])
})

test('llumnix as it is keeps a live router up when a worker runs out of room', async () => {
  const mocks = await fleet.workers(2)
  const log: string[] = []
  const router = await fleet.router(
    [mocks],
    {
      algorithm: 'llumnix',
      workers: mocks.workers.map(({ url }) => ({ url, kv_tokens: 1024 })),
    },
    { onLog: ({ event }) => log.push(event) },
  )
  const body = { prompt: 'x'.repeat(2800), max_tokens: 300, stream: true }
  expect((await complete(router.url, body)).status).toBe(200)
  await until(() => router.stats.inFlight === 0)
  expect(router.stats.ends.completed).toBe(1)
  expect(log.filter((event) => event !== 'worker_up')).toEqual(['moves_refused'])
})
