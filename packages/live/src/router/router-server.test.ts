import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTrace } from '@routesim/traces'
import OpenAI from 'openai'
import { afterEach, expect, test } from 'vitest'
import { sumMetrics } from '../metrics/parse-prometheus.js'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet, TEST_SPEC, workersOf } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { checkRouterConfig } from './router-config.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const KV_EVENTS = { port: 0, replayPort: 0, topic: '', bufferedBatches: 10_000 }

async function metric(adminUrl: string, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  return sumMetrics(text, new Set([name])).get(name)?.sum
}

async function admin<T>(adminUrl: string, path: string, body?: unknown): Promise<T> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  return (await (await fetch(adminUrl + path, init)).json()) as T
}

test('the official client streams a chat through the router, untouched', async () => {
  const mocks = await fleet.workers(2)
  const router = await fleet.router([mocks])
  const messages = [{ role: 'user' as const, content: 'Hello there' }]
  const request = { model: 'mock', messages, max_tokens: 9, stream: true } as const
  const textOf = async (url: string): Promise<string> => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'x', maxRetries: 0 })
    let text = ''
    for await (const chunk of await client.chat.completions.create(request))
      text += chunk.choices[0]?.delta.content ?? ''
    return text
  }
  expect(await textOf(router.url)).toBe(await textOf(mocks.workers[0]!.url))
  const client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'x' })
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['mock'])
  await until(() => router.stats.ends.completed === 1)
})

test('round robin goes round, and all is counted', async () => {
  const router = await fleet.router([await fleet.workers(3)], { algorithm: 'round_robin' })
  const went = []
  for (let i = 0; i < 6; i++) went.push((await complete(router.url, { prompt: 'x' })).worker)
  expect(went).toEqual([0, 1, 2, 0, 1, 2])
  expect(await metric(router.adminUrl, 'routesim_worker_dispatched_total')).toBe(6)
  expect(router.stats.ends).toMatchObject({ completed: 6, failed: 0 })
  expect(router.core.backends.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0])
})

test.each(['prefix_aware', 'prefix_overlap'])(
  '%s sends a prompt to where it was before, though nobody declares its prefix',
  async (algorithm) => {
    const router = await fleet.router([await fleet.workers(4)], { algorithm })
    for (const letter of ['a', 'b', 'c', 'd', 'e']) {
      const body = { prompt: `${letter} is first. `.repeat(20) }
      const { worker } = await complete(router.url, body)
      expect((await complete(router.url, body)).worker).toBe(worker)
    }
  },
)

test.each(['events', 'approximate'] as const)(
  'with %s a prompt goes where its beginning is cached',
  async (kv_index) => {
    const mocks = await fleet.workers(4, kv_index === 'events' ? { kvEvents: KV_EVENTS } : {})
    const router = await fleet.router([mocks], { algorithm: 'dynamo_kv', kv_index })
    const prefixes = ['a', 'b', 'c', 'd', 'e'].map((letter) => `${letter} is first. `.repeat(100))
    const homes = new Map<string, number>()
    for (const prefix of prefixes) {
      const { worker } = await complete(router.url, { prompt: prefix })
      homes.set(prefix, worker)
      await until(
        async () => (await metric(router.adminUrl, 'routesim_kv_index_blocks'))! >= 15 * homes.size,
      )
    }
    for (let i = 0; i < 10; i++) {
      for (const prefix of prefixes) {
        const { worker, json } = await complete(router.url, { prompt: `${prefix} and then ${i}` })
        expect(worker).toBe(homes.get(prefix))
        const { prompt_tokens_details: details } = json['usage'] as OpenAI.CompletionUsage
        expect(details!.cached_tokens).toBeGreaterThan(200)
      }
    }
    const question = { prompt: `${prefixes[3]} and then what?` }
    expect(await admin(router.adminUrl, '/find_best_worker', question)).toMatchObject({
      worker_id: homes.get(prefixes[3]!),
      matched_tokens: expect.any(Number),
    })
    type Candidate = { worker: number; matchedTokens: number; score?: number; terms?: object }
    type Decisions = { decisions: { candidates: Candidate[] }[] }
    const { decisions } = await admin<Decisions>(router.adminUrl, '/decisions?last=1')
    const best = decisions[0]!.candidates.find(({ worker }) => worker === homes.get(prefixes[3]!))
    expect(best!.matchedTokens).toBeGreaterThan(200)
    expect(best!.score).toEqual(expect.any(Number))
    expect(Object.keys(best!.terms!).length).toBeGreaterThan(0)
  },
)

test('metrics of workers are read, and shown', async () => {
  const mocks = await fleet.workers(1)
  const router = await fleet.router([mocks], { metrics_interval_ms: 20 })
  const slow = complete(mocks.workers[0]!.url, { prompt: 'x'.repeat(2000), max_tokens: 200 })
  type Worker = { running: number; kv_usage: number; in_flight: number }
  await until(async () => (await admin<Worker[]>(router.adminUrl, '/workers'))[0]!.running === 1)
  const [worker] = await admin<Worker[]>(router.adminUrl, '/workers')
  expect(worker).toMatchObject({ in_flight: 0, up: true, available: true, breaker: 'closed' })
  expect(worker!.kv_usage).toBeGreaterThan(0.05)
  await slow
  await until(async () => (await admin<Worker[]>(router.adminUrl, '/workers'))[0]!.running === 0)
})

test('prefill and decode pools: a prompt is computed on one worker and answered by another', async () => {
  const mocks = await fleet.workers(0, {
    cluster: {
      backends: [
        { ...TEST_SPEC, role: 'prefill' },
        { ...TEST_SPEC, role: 'prefill' },
        { ...TEST_SPEC, role: 'decode' },
      ],
      kvTransfer: { latencyMs: 1, bandwidthBytesPerSec: 1e9, bytesPerToken: 1000 },
    },
  })
  const router = await fleet.router([mocks], { algorithm: 'least_outstanding' })
  const client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: 'x', maxRetries: 0 })
  const messages = [{ role: 'user' as const, content: 'Hello there '.repeat(50) }]
  const stream = await client.chat.completions.create({
    model: 'mock',
    messages,
    max_completion_tokens: 8,
    stream: true,
    stream_options: { include_usage: true },
  })
  let words = 0
  let completionTokens: number | undefined
  for await (const chunk of stream) {
    words += (chunk.choices[0]?.delta.content ?? '').split(' ').length - 1
    completionTokens = chunk.usage?.completion_tokens ?? completionTokens
  }
  expect([words, completionTokens]).toEqual([8, 8])
  const [one, other, decode] = router.core.backends.map(({ dispatched }) => dispatched)
  expect([one! + other!, decode]).toEqual([1, 1])
  await until(() => router.stats.ends.completed === 1)
  expect(
    router.core.backends.map(({ inFlight, pendingTokens }) => inFlight + pendingTokens),
  ).toEqual([0, 0, 0])
})

test('what a prefill worker refuses is told to the client, and does not speak against the worker', async () => {
  const roles = [
    { ...TEST_SPEC, role: 'prefill' },
    { ...TEST_SPEC, role: 'decode' },
  ] as const
  const mocks = await fleet.workers(0, { cluster: { backends: roles } })
  const router = await fleet.router([mocks], { algorithm: 'least_outstanding' })
  for (let i = 0; i < 5; i++) {
    const { status, text } = await complete(router.url, { prompt: 'x'.repeat(100_000) })
    expect([status, text]).toEqual([400, expect.stringContaining('maximum context length')])
  }
  expect((await complete(router.url, { prompt: 'x', min_tokens: 3, max_tokens: 3 })).status).toBe(
    200,
  )
  expect(router.core.backends.map(({ failures }) => failures)).toEqual([0, 0])
  await until(() => router.stats.ends.completed === 1)
  expect(router.stats.ends.client_error).toBe(5)
})

test('a new config changes how often metrics are read; what can not change is refused, and said', async () => {
  const mocks = await fleet.workers(1)
  const router = await fleet.router([mocks])
  const [backend] = router.core.backends
  expect(backend!.sample).toBeUndefined()
  const common = { workers: workersOf([mocks]), health_interval_ms: 50 }
  await router.reload(checkRouterConfig({ ...common, metrics_interval_ms: 20 }))
  await until(() => backend!.sample !== undefined)
  for (const change of [{ block_tokens: 32 }, { kv_index: 'none' }] as const) {
    const [key] = Object.keys(change)
    await expect(router.reload(checkRouterConfig({ ...common, ...change }))).rejects.toThrow(
      `${key}: expected `,
    )
  }
  expect(router.core.backends[0]).toBe(backend)
})

test('another config takes over while requests go on', async () => {
  const [first, second] = [await fleet.workers(1), await fleet.workers(1)]
  const router = await fleet.router([first], { algorithm: 'round_robin' })
  const slow = complete(router.url, { prompt: 'x', max_tokens: 150 })
  await until(() => router.stats.inFlight === 1)
  await router.reload(
    checkRouterConfig({ workers: workersOf([second]), algorithm: 'least_outstanding' }),
  )
  expect((await complete(router.url, { prompt: 'x' })).worker).toBe(1)
  expect(await slow).toMatchObject({ status: 200, worker: 0 })
  await expect(
    router.reload(checkRouterConfig({ workers: workersOf([second]), algorithm: 'nonsense' })),
  ).rejects.toThrow(/nonsense/)
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(200)
})

test('recorded traffic is a trace that simulations read, without a word of what was said', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-record-')), 'trace.jsonl')
  const router = await fleet.router([await fleet.workers(2)], {}, { record: path })
  const shared = 'Secret beginning of many. '.repeat(40)
  for (let i = 0; i < 5; i++) {
    await complete(
      router.url,
      { prompt: shared + i, max_tokens: 3 + i },
      { 'x-session-id': `s${i}` },
    )
  }
  const stream = await complete(router.url, { prompt: shared, max_tokens: 11, stream: true })
  expect(stream.text.split('data: ').length).toBe(13)
  await router.close(1000)
  expect(readFileSync(path, 'utf8')).not.toMatch(/ecret/)
  const { table, format } = await readTrace(path)
  expect(format).toBe('compact_jsonl')
  expect([...table.outputTokens]).toEqual([3, 4, 5, 6, 7, 11])
  expect([...table.promptTokens]).toEqual([261, 261, 261, 261, 261, 260])
  // The shared beginning is one node, or one path, of the tree.
  const { prompts, promptNode } = table
  expect(prompts.endTokens[promptNode[0]!]).toBe(256)
  expect(new Set(promptNode).size).toBe(1)
  expect(table.strings[table.session[2]!]).toBe('s2')
})

test('requests for a model that nobody serves, and for one that some serve', async () => {
  const [llama, qwen] = [
    await fleet.workers(1, { model: 'llama' }),
    await fleet.workers(1, { model: 'qwen' }),
  ]
  const router = await fleet.router([llama, qwen], { algorithm: 'round_robin' })
  for (let i = 0; i < 3; i++) {
    expect(await complete(router.url, { model: 'qwen', prompt: 'x' })).toMatchObject({ worker: 1 })
  }
  const unknown = await complete(router.url, { model: 'gpt', prompt: 'x' })
  expect([unknown.status, unknown.json['error']]).toMatchObject([404, { param: 'model' }])
})

test('workers that serve several names: all are offered, and each request goes where its model is', async () => {
  const worker = (...ids: string[]) =>
    fleet.workerThatSays(200, {}, ['data: {"choices":[]}\n\n'], {
      '/v1/models': JSON.stringify({ data: ids.map((id) => ({ id })) }),
    })
  const workers = [await worker('base', 'a'), await worker('b', 'base')]
  const router = await fleet.router(workers, { algorithm: 'round_robin' })
  const { data } = (await (await fetch(`${router.url}/v1/models`)).json()) as {
    data: { id: string }[]
  }
  expect(data.map(({ id }) => id).sort()).toEqual(['a', 'b', 'base'])
  const workersOf = async (model: string): Promise<number[]> => {
    const chosen: number[] = []
    for (let i = 0; i < 4; i++)
      chosen.push((await complete(router.url, { model, prompt: 'x' })).worker)
    return chosen
  }
  expect(await workersOf('a')).toEqual([0, 0, 0, 0])
  expect(await workersOf('b')).toEqual([1, 1, 1, 1])
  expect((await workersOf('base')).sort()).toEqual([0, 0, 1, 1])
  expect((await complete(router.url, { model: 'c', prompt: 'x' })).status).toBe(404)
})

test('requests for models that nobody serves are refused, and nothing is kept of them', async () => {
  const router = await fleet.router([await fleet.workers(1)])
  const views = new Set<unknown>()
  for (let i = 0; i < 20; i++) {
    views.add(router.core['cluster'].serving(`no-such-model-${i}`))
    expect((await complete(router.url, { prompt: 'x', model: `no-such-model-${i}` })).status).toBe(
      404,
    )
  }
  expect(views.size).toBe(1)
  expect(router.stats.ends).toMatchObject({ client_error: 20, rejected: 0 })
})

test('an algorithm that looks at KV usage, where nothing tells it, is warned of', async () => {
  const { url } = (await fleet.workers(1)).workers[0]!
  const log: RouterLogEntry[] = []
  const options = { onLog: (entry: RouterLogEntry) => log.push(entry) }
  const warnings = (): unknown[] =>
    log.splice(0).flatMap(({ event, algorithm }) => (event === 'kv_usage_unknown' ? algorithm : []))
  for (const [config, warned] of [
    [{ algorithm: 'least_kv' }, ['least_kv']],
    [{ algorithm: 'gate(round_robin)' }, ['gate(round_robin)']],
    [{ algorithm: 'least_kv', metrics_interval_ms: 1000 }, []],
    [{ algorithm: 'least_kv', workers: [{ url, kv_tokens: 1000 }] }, []],
    [{ algorithm: 'dynamo_kv' }, []],
  ] as const) {
    const all = { workers: [{ url }], ...config }
    await fleet.router([], { ...all, workers: [...all.workers] }, options)
    expect(warnings(), JSON.stringify(config)).toEqual(warned)
  }
  const router = await fleet.router([], { workers: [{ url }], algorithm: 'random' }, options)
  await router.reload(checkRouterConfig({ workers: [{ url }], algorithm: 'least_kv' }))
  expect(warnings()).toEqual(['least_kv'])
})

test('KV events that can not come are warned of', async () => {
  const workers = workersOf([await fleet.workers(2, { kvEvents: KV_EVENTS })])
  const bare = workers.map(({ url }) => ({ url }))
  const own = algorithmFile(`{
    name: 'own',
    route: (request, { backends }) => backends[0],
    onKvEvents() {},
  }`)
  const log: RouterLogEntry[] = []
  const options = { onLog: (entry: RouterLogEntry) => log.push(entry) }
  for (const [config, warned] of [
    [{ workers, kv_index: 'events', algorithm: own }, []],
    [{ workers: [workers[0]!, bare[1]!], kv_index: 'events' }, [bare[1]!.url]],
    [{ workers, kv_index: 'approximate' }, []],
    [{ workers, kv_index: 'approximate', algorithm: own }, ['own']],
  ] as const) {
    await fleet.router([], { ...config, workers: [...config.workers], block_tokens: 16 }, options)
    const said = log.splice(0).filter(({ event }) => event === 'kv_events_unheard')
    expect(said.map(({ urls, algorithm }) => urls ?? algorithm)).toEqual(warned)
  }
})

test('a worker whose KV blocks have another size than the router thinks is told of', async () => {
  const mocks = await fleet.workers(1, { kvEvents: KV_EVENTS })
  const log: RouterLogEntry[] = []
  const options = { onLog: (entry: RouterLogEntry) => log.push(entry) }
  const router = await fleet.router([mocks], { kv_index: 'events', block_tokens: 32 }, options)
  let sent = 0
  await until(async () => {
    await complete(router.url, { prompt: `${sent++} abcd`.repeat(100) })
    return log.some(({ event }) => event === 'kv_events_refused')
  })
  expect(log.find(({ event }) => event === 'kv_events_refused')).toMatchObject({
    worker: 0,
    why: 'block_tokens: expected blocks of 32 tokens, got 16',
  })
})
