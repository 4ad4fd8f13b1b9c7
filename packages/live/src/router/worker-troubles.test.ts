import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { checkRouterConfig } from './router-config.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
const closing: (() => void)[] = []
afterEach(async () => {
  await fleet.close()
  for (const close of closing.splice(0)) close()
})

async function serverThat(answers: RequestListener) {
  const server = createServer(answers)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A worker that asks for a key, and what it was sent. */
async function keyed(key: string) {
  const asked: string[] = []
  const url = await serverThat((request, response) => {
    request.resume()
    const isKnown = request.headers.authorization === `Bearer ${key}`
    asked.push(`${request.url} ${isKnown ? 'with its key' : request.headers.authorization}`)
    if (!isKnown && request.url !== '/health') {
      response.writeHead(401).end('{"error":"Unauthorized"}')
      return
    }
    const pages: Record<string, string> = {
      '/v1/models': '{"data":[{"id":"mine"}]}',
      '/metrics': 'vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n',
    }
    response.end(pages[request.url!] ?? '{}')
  })
  return { url, asked }
}

function keyFile(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-key-')), 'worker.key')
  writeFileSync(path, text)
  return path
}

const startWith = async (
  workers: readonly { url: string; api_key_file?: string }[],
  config: object = {},
  options: object = {},
) => {
  const log: RouterLogEntry[] = []
  const onLog = (entry: RouterLogEntry): void => void log.push(entry)
  const all = { workers: [...workers], health_interval_ms: 20, ...config }
  const router = await fleet.router([], all, { onLog, ...options })
  const lastErrors = async (): Promise<(string | null)[]> => {
    const response = await fetch(`${router.adminUrl}/workers`)
    return ((await response.json()) as { last_error: string | null }[]).map((one) => one.last_error)
  }
  return { router, log, lastErrors }
}

test('a worker that can not be reached is told once, with the reason, until it can', async () => {
  let isStarting = true
  const starting = await serverThat(({ url }, response) => {
    if (url === '/health' && isStarting) response.statusCode = 503
    response.end('{"data":[{"id":"mine"}]}')
  })
  const { log, lastErrors } = await startWith([{ url: 'http://127.0.0.1:1' }, { url: starting }])
  expect(await lastErrors()).toEqual(['/health: ECONNREFUSED', '/health: status 503'])
  isStarting = false
  await until(() => log.some(({ event }) => event === 'worker_up'))
  expect(await lastErrors()).toEqual(['/health: ECONNREFUSED', null])
  const told = log.map(({ event, worker, reason }) => [event, worker, reason])
  expect(told.sort()).toEqual([
    ['worker_down', 0, 'ECONNREFUSED'],
    ['worker_down', 1, 'status 503'],
    ['worker_up', 1, undefined],
  ])
})

test('models and metrics that can not be read are told, with the reason', async () => {
  const { url } = await keyed('secret')
  const { router, log, lastErrors } = await startWith([{ url }], { metrics_interval_ms: 10 })
  const sampled = router.core.now()
  await until(() => router.core.now() > sampled + 100)
  expect(log.filter(({ event }) => event === 'worker_unreadable')).toEqual([
    { event: 'worker_unreadable', worker: 0, url, path: '/v1/models', reason: 'status 401' },
    { event: 'worker_unreadable', worker: 0, url, path: '/metrics', reason: 'status 401' },
  ])
  expect(await lastErrors()).toEqual(['/v1/models: status 401; /metrics: status 401'])
})

/** A worker whose pages are what they are made, and who hears of it. */
async function changing(config: object = {}) {
  const pages: Record<string, string> = {}
  const headers = { 'content-type': 'application/json' }
  const raw = await fleet.workerThatSays(200, headers, ['{"choices":[]}'], pages)
  const { url } = raw.workers[0]!
  const serve = (...names: string[]): void => {
    pages['/v1/models'] = JSON.stringify({ data: names.map((id) => ({ id })) })
  }
  return { url, pages, serve, start: () => startWith([{ url }], config) }
}

test('what a worker serves is asked again and again until it can be read', async () => {
  const { url, serve, start } = await changing({ models_interval_ms: 1_000_000 })
  const { router, log, lastErrors } = await start()
  expect(await lastErrors()).toEqual(['/v1/models: it names no model'])
  expect((await complete(router.url, { model: 'other', prompt: 'x' })).status).toBe(200)
  serve('m')
  await until(async () => (await lastErrors())[0] === null)
  expect((await complete(router.url, { model: 'other', prompt: 'x' })).status).toBe(404)
  expect(log.filter(({ event }) => /unreadable|models/.test(event))).toEqual([
    {
      event: 'worker_unreadable',
      worker: 0,
      url,
      path: '/v1/models',
      reason: 'it names no model',
    },
    { event: 'worker_models', worker: 0, url, models: 'm' },
  ])
})

test.each(['from time to time', 'at a reload'])(
  'an adapter that a worker has loaded is served: asked %s',
  async (when) => {
    const models_interval_ms = when === 'at a reload' ? 1_000_000 : 10
    const { url, serve, start } = await changing({ models_interval_ms })
    serve('m')
    const { router, log } = await start()
    const statusOf = async (model: string): Promise<number> =>
      (await complete(router.url, { model, prompt: 'x' })).status
    expect(await statusOf('lora')).toBe(404)
    serve('m', 'lora')
    if (when === 'at a reload') {
      await router.reload(checkRouterConfig({ workers: [{ url }], models_interval_ms }))
    }
    await until(async () => (await statusOf('lora')) === 200)
    const asked = router.core.now()
    await until(() => router.core.now() > asked + 50)
    expect(log.filter(({ event }) => event === 'worker_models')).toEqual([
      { event: 'worker_models', worker: 0, url, models: 'lora, m' },
    ])
  },
)

test('what was wrong with metrics is over when nobody wants them any more', async () => {
  const { url, serve, start } = await changing({ metrics_interval_ms: 10 })
  serve('m')
  const { router, lastErrors } = await start()
  expect(await lastErrors()).toEqual([expect.stringMatching('^/metrics: it tells no requests')])
  await router.reload(checkRouterConfig({ workers: [{ url }] }))
  await until(async () => (await lastErrors())[0] === null)
})

test('a worker with a key of its own gets it with everything, in place of that of the router', async () => {
  const { url, asked } = await keyed('of the worker')
  const worker = { url, api_key_file: keyFile('of the worker\n') }
  const options = { apiKey: 'of the router' }
  const { router, lastErrors } = await startWith([worker], { metrics_interval_ms: 10 }, options)
  const authorization = 'Bearer of the router'
  const { status } = await complete(router.url, { model: 'mine', prompt: 'x' }, { authorization })
  expect([status, await lastErrors()]).toEqual([200, [null]])
  expect(new Set(asked)).toEqual(
    new Set(
      ['/health', '/v1/models', '/metrics', '/v1/completions'].map((p) => `${p} with its key`),
    ),
  )
})

test('a key that changes is read at a reload; without one the router does not start', async () => {
  const { url } = await keyed('new')
  const path = keyFile('old')
  const { router } = await startWith([{ url, api_key_file: path }])
  expect((await complete(router.url, { model: 'mine', prompt: 'x' })).status).toBe(401)
  writeFileSync(path, 'new')
  const config = checkRouterConfig({ workers: [{ url, api_key_file: path }] })
  await router.reload(config)
  expect((await complete(router.url, { model: 'mine', prompt: 'x' })).status).toBe(200)
  writeFileSync(path, '')
  await expect(router.reload(config)).rejects.toThrow(
    `workers.0.api_key_file ${path}: expected a key, got an empty file`,
  )
  expect((await complete(router.url, { model: 'mine', prompt: 'x' })).status).toBe(200)
  await expect(startWith([{ url, api_key_file: '/nowhere' }])).rejects.toThrow(/\/nowhere/)
})

test('the same worker twice is refused, and both are named', () => {
  const workers = [{ url: 'http://x:1' }, { url: 'http://y:1' }, { url: 'http://X:1/' }]
  expect(() => checkRouterConfig({ workers })).toThrow(
    'router workers.2.url: expected each worker once, got "http://X:1/" beside "http://x:1" of workers.0',
  )
})
