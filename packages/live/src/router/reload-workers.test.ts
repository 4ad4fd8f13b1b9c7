import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet, workersOf } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { checkRouterConfig } from './router-config.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

test('workers whose limits change at a reload stay what they are, and so does what is known of them', async () => {
  const workers = workersOf([await fleet.workers(2)])
  const log: RouterLogEntry[] = []
  const onLog = (entry: RouterLogEntry): unknown => log.push(entry)
  const config = { algorithm: 'round_robin', health_interval_ms: 50 }
  const router = await fleet.router([], { ...config, workers }, { onLog })
  for (let i = 0; i < 4; i++) await complete(router.url, { prompt: 'abcd'.repeat(100) })
  const slow = complete(router.url, { prompt: 'x', max_tokens: 150 })
  await until(() => router.stats.inFlight === 1)
  const { backends, knowledge } = router.core
  const { size } = knowledge
  expect(size).toBeGreaterThan(0)
  const limits = { max_num_seqs: 128, max_queue_depth: 7, max_batch_tokens: 999, kv_tokens: 5000 }
  const other = workers.map(({ url }) => ({ url: `${url}/`, ...limits }))
  await router.reload(checkRouterConfig({ ...config, workers: other }))
  expect(log.at(-1)).toEqual({ event: 'reloaded', added: 0, removed: 0, changed: 2 })
  expect(router.core.backends.map((backend, i) => backend === backends[i])).toEqual([true, true])
  expect(router.core.knowledge.size).toBe(size)
  for (const { maxNumSeqs, maxQueueDepth, maxBatchTokens, kvTokens } of router.core.backends)
    expect([maxNumSeqs, maxQueueDepth, maxBatchTokens, kvTokens]).toEqual([128, 7, 999, 5000])
  expect(await slow).toMatchObject({ status: 200, worker: 0 })
  const text = await (await fetch(`${router.adminUrl}/metrics`)).text()
  for (const [worker, dispatched] of [3, 2].entries()) {
    const labels = `worker="${worker}",url="${workers[worker]!.url}"`
    expect(text).toContain(`routesim_worker_dispatched_total{${labels}} ${dispatched}\n`)
  }
})

test('a model that is in the config no more is asked for, and one that is there goes before', async () => {
  const workers = workersOf([await fleet.workers(1)])
  const named = workers.map((worker) => ({ ...worker, model: 'other' }))
  const config = { health_interval_ms: 10 }
  const router = await fleet.router([], { ...config, workers: named })
  const [backend] = router.core.backends
  const served = (model: string) => complete(router.url, { model, prompt: 'x' })
  expect((await served('mock')).status).toBe(404)
  await router.reload(checkRouterConfig({ ...config, workers }))
  await until(() => backend!.model === 'mock')
  expect((await served('mock')).status).toBe(200)
  await router.reload(checkRouterConfig({ ...config, workers: named }))
  expect(backend!.models).toEqual(['other'])
})

test('KV events are heard where the config says since a reload, and what came from elsewhere is forgotten', async () => {
  const heard = workersOf([
    await fleet.workers(1, {
      kvEvents: { port: 0, replayPort: 0, topic: '', bufferedBatches: 100 },
    }),
  ])
  const unheard = heard.map(({ url }) => ({ url }))
  const config = { kv_index: 'events', block_tokens: 16, health_interval_ms: 50 } as const
  const router = await fleet.router([], { ...config, workers: unheard })
  const { core } = router
  const reload = (workers: typeof unheard) =>
    router.reload(checkRouterConfig({ ...config, workers }))
  await reload(heard)
  await until(async () => {
    await complete(router.url, { prompt: 'abcd'.repeat(100) })
    return core.knowledge.size > 0
  })
  await reload(unheard)
  expect(core.knowledge.size).toBe(0)
  expect(core.backends).toHaveLength(1)
})
