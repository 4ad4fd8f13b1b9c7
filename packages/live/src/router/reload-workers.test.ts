import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { affineLatency } from '@routesim/hardware'
import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet, TEST_SPEC, workersOf } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { checkRouterConfig } from './router-config.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
const closing: (() => void)[] = []
afterEach(async () => {
  await fleet.close()
  for (const close of closing.splice(0)) close()
})

/** A worker whose health is what a test says, and not answered before it says so. */
async function worker(health?: number) {
  const waiting: (() => void)[] = []
  const state = {
    url: '',
    asked: 0,
    say(status: number) {
      health = status
      for (const answer of waiting.splice(0)) answer()
    },
  }
  const server = createServer((request, response) => {
    const answer = (): void => void response.writeHead(health ?? 500).end('{}')
    if (request.url !== '/health') response.end('{}')
    else {
      state.asked++
      if (health === undefined) waiting.push(answer)
      else answer()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close().closeAllConnections())
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return state
}

/** A router with these workers, and how to give it others. */
async function routerOf(...workers: readonly { url: string }[]) {
  const log: RouterLogEntry[] = []
  const config = { health_interval_ms: 10, health_timeout_ms: 5000, metrics_interval_ms: 0 }
  const onLog = (entry: RouterLogEntry): unknown => log.push(entry)
  const router = await fleet.router([], { ...config, workers: urlsOf(workers) }, { onLog })
  const reload = (...next: readonly { url: string; role?: 'prefill' | 'decode' }[]) =>
    router.reload(checkRouterConfig({ ...config, workers: urlsOf(next) }))
  const served = async (): Promise<[number, number]> => {
    const { status, worker } = await complete(router.url, { prompt: 'x' })
    return [status, worker]
  }
  return { router, reload, served, logged: (event: string) => log.filter((e) => e.event === event) }
}

function urlsOf(workers: readonly { url: string; role?: 'prefill' | 'decode' }[]) {
  return workers.map(({ url, role }) => ({ url, ...(role && { role }) }))
}

test('workers that replace all others get requests when they are known to be up, and those until then', async () => {
  const [before, after] = [await worker(200), await worker()]
  const { reload, served, logged } = await routerOf(before)
  const reloaded = reload(after)
  await until(() => after.asked > 0)
  expect(await served()).toEqual([200, 0])
  after.say(200)
  await reloaded
  expect(logged('reloaded')).toEqual([{ event: 'reloaded', added: 1, removed: 1, changed: 0 }])
  expect(await served()).toEqual([200, 1])
})

test('while none of the new workers is up, those that are to go get the requests', async () => {
  const [before, after, down] = [await worker(200), await worker(503), await worker(503)]
  const { reload, served, logged } = await routerOf(before)
  await reload(after, down)
  expect(logged('reload_waits')).toHaveLength(1)
  expect(await served()).toEqual([200, 0])
  after.say(200)
  await until(() => logged('reloaded').length > 0)
  expect(await served()).toEqual([200, 1])
})

test('a reload that waits is over when another comes, and when the present workers are down', async () => {
  const [before, never, after] = [await worker(200), await worker(503), await worker(503)]
  const { router, reload, served, logged } = await routerOf(before)
  await reload(never)
  await reload(before)
  expect(logged('reloaded')).toEqual([{ event: 'reloaded', added: 0, removed: 0, changed: 0 }])
  const { asked } = never
  await reload(after)
  before.say(503)
  await until(() => logged('reloaded').length > 1)
  expect(router.core.backends.map(({ url }) => url)).toEqual([after.url])
  expect((await served())[0]).toBe(503)
  after.say(200)
  await until(async () => (await served())[0] === 200)
  expect(never.asked).toBe(asked)
})

test('workers that get other roles are asked anew, and needed in both', async () => {
  const [first, second] = [await worker(200), await worker(200)]
  const { reload, served, logged } = await routerOf(first, second)
  const down = await worker(503)
  await reload({ ...first, role: 'prefill' }, { ...down, role: 'decode' })
  expect(logged('reload_waits')).toHaveLength(1)
  expect((await served())[0]).toBe(200)
  await reload({ ...first, role: 'prefill' }, { ...second, role: 'decode' })
  expect(logged('reloaded')).toHaveLength(1)
  expect((await served())[0]).toBe(200)
})

test('a request whose prompt is computed goes on at its decode worker, though that is taken out', async () => {
  const latency = affineLatency({
    baseMs: 300,
    prefillMsPerToken: 0,
    decodeMsPerRequest: 0,
    decodeMsPerContextToken: 0,
    mixedDecodeMsPerContextToken: 0,
    prefillMsPerAttentionPair: 0,
  })
  const prefill = { ...TEST_SPEC, role: 'prefill', latency } as const
  const decode = { ...TEST_SPEC, role: 'decode' } as const
  const mocks = await fleet.workers(3, { cluster: { backends: [prefill, decode, decode] } })
  const [one, two, three] = workersOf([mocks])
  const config = { health_interval_ms: 50, algorithm: 'round_robin' }
  const router = await fleet.router([], { ...config, workers: [one!, two!] })
  const first = complete(router.url, { prompt: 'x' })
  await until(() => router.core.backends[0]!.inFlight === 1)
  await router.reload(checkRouterConfig({ ...config, workers: [one, three] }))
  expect(await first).toMatchObject({ status: 200, worker: 1 })
})

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

test('an algorithm that takes over at a reload hears of the blocks that workers hold', async () => {
  const kvEvents = { port: 0, replayPort: 0, topic: '', bufferedBatches: 100 }
  const workers = workersOf([await fleet.workers(2, { kvEvents })])
  const config = { kv_index: 'events', block_tokens: 16, health_interval_ms: 50, workers } as const
  const router = await fleet.router([], { ...config, algorithm: 'round_robin' })
  const { core } = router
  await complete(router.url, { prompt: 'abcd'.repeat(100) })
  await until(() => core.knowledge.size >= 6)
  const algorithm = algorithmFile(`{
    name: 'own',
    known: {},
    route(request, cluster) {
      return cluster.backends[0]
    },
    onKvEvents(backend, events) {
      for (const { kind, toTokens } of events) this.known[kind + backend.id + toTokens] = 1
    },
    customMetrics() {
      return this.known
    },
  }`)
  await router.reload(checkRouterConfig({ ...config, algorithm }))
  const ends = Array.from({ length: core.knowledge.size }, (_, i) => `stored0${(i + 1) * 16}`)
  expect(Object.keys(core.customMetrics)).toEqual(ends)
})
