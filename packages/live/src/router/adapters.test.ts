import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTrace } from '@routesim/traces'
import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { EventKnowledge } from './kv-knowledge.js'
import type { RunningRouter } from './router-server.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

/** A worker as vLLM tells of it: model `m`, and adapters on it. */
const worker = (...adapters: readonly string[]) =>
  fleet.workerThatSays(200, { 'content-type': 'application/json' }, ['{"choices":[]}'], {
    '/v1/models': JSON.stringify({
      data: [
        { id: 'm', root: '/m', parent: null },
        ...adapters.map((id) => ({ id, root: `/${id}`, parent: 'm' })),
      ],
    }),
  })

const TOKENS = Array.from({ length: 65 }, (_, i) => i)
const PROMPT = { prompt: TOKENS }

/** Where a request would go, and the tokens that match there. */
async function best(router: RunningRouter, body: object): Promise<[number, number]> {
  const response = await fetch(`${router.adminUrl}/find_best_worker`, {
    method: 'POST',
    body: JSON.stringify({ ...PROMPT, ...body }),
  })
  const answer = (await response.json()) as { worker_id: number; matched_tokens: number }
  return [answer.worker_id, answer.matched_tokens]
}

test('what was sent under the model matches no adapter, and under one salt no other', async () => {
  const router = await fleet.router([await worker('lora1', 'lora2')])
  await complete(router.url, { ...PROMPT, model: 'm' })
  await complete(router.url, { ...PROMPT, model: 'lora1', cache_salt: 'a' })
  const matched = async (body: object) => (await best(router, body))[1]
  expect(await matched({ model: 'm' })).toBe(64)
  expect(await matched({})).toBe(64)
  expect(await matched({ model: 'lora1', cache_salt: 'a' })).toBe(64)
  for (const other of [
    { model: 'lora1' },
    { model: 'lora2' },
    { model: 'm', cache_salt: 'a' },
    { model: 'lora1', cache_salt: 'b' },
    { model: 'lora2', cache_salt: 'a' },
  ])
    expect(await matched(other), JSON.stringify(other)).toBe(0)
})

test('KV events of an adapter match its requests, those of the model the others', async () => {
  const workers = [await worker('lora1'), await worker('lora1'), await worker('lora1')]
  const router = await fleet.router(workers, { kv_index: 'events', algorithm: 'prefix_overlap' })
  const { knowledge } = router.core
  if (!(knowledge instanceof EventKnowledge)) throw new Error('expected knowledge by events')
  const keys = [{}, { adapter: 'lora1' }, { cacheSalt: 'a' }]
  for (const [id, own] of keys.entries()) {
    const common = { kind: 'stored', medium: 'GPU', blockTokens: 16 } as const
    const apart = { adapter: undefined, cacheSalt: undefined, ...own }
    const first = { ...common, ...apart, hashes: [1, 2], parent: undefined }
    const second = { ...common, ...apart, hashes: [3, 4], parent: 2, cacheSalt: undefined }
    const events = [
      { ...first, tokens: TOKENS.slice(0, 32) },
      { ...second, tokens: TOKENS.slice(32, 64) },
    ]
    knowledge.apply(id, { timestampSec: 1, rank: 0, events })
  }
  expect(await best(router, { model: 'm' })).toEqual([0, 64])
  expect(await best(router, { model: 'lora1' })).toEqual([1, 64])
  expect(await best(router, { model: 'm', cache_salt: 'a' })).toEqual([2, 64])
  expect((await best(router, { model: 'lora1', cache_salt: 'a' }))[1]).toBe(0)
})

test('mock workers keep salts apart, and tell of them', async () => {
  const kvEvents = { port: 0, replayPort: 0, topic: '', bufferedBatches: 100 }
  const mocks = await fleet.workers(1, { kvEvents })
  const router = await fleet.router([mocks], { kv_index: 'events' })
  const cachedOf = async (body: object): Promise<unknown> => {
    const { json } = await complete(router.url, { ...PROMPT, ...body })
    const usage = json['usage'] as { prompt_tokens_details: { cached_tokens: number } }
    return usage.prompt_tokens_details.cached_tokens
  }
  expect(await cachedOf({ cache_salt: 'a' })).toBe(0)
  await until(() => router.core.knowledge.size >= 4)
  expect(await best(router, { model: 'mock', cache_salt: 'a' })).toEqual([0, 64])
  expect(await best(router, { model: 'mock' })).toEqual([0, 0])
  expect(await cachedOf({ cache_salt: 'b' })).toBe(0)
  expect(await cachedOf({ cache_salt: 'a' })).toBe(64)
})

test('a router file sees the model and its adapter as in a simulation, and one router serves both', async () => {
  const algorithm = algorithmFile(`{
    name: 'own',
    seen: {},
    route({ model, adapter }, cluster) {
      const shown = cluster.backends.map((each) => each.model + each.id)
      this.seen[[model, adapter, ...shown].join(' ')] = 1
      return cluster.backends[0]
    },
    customMetrics() {
      return this.seen
    },
  }`)
  const workers = [await worker(), await worker('lora1')]
  const router = await fleet.router(workers, { algorithm })
  for (const model of ['m', 'lora1']) {
    expect((await complete(router.url, { ...PROMPT, model })).status).toBe(200)
  }
  expect(Object.keys(router.core.customMetrics)).toEqual(['m  m0 m1', 'm lora1 m1'])
})

test('a recording names adapters, and shares nothing between them or between salts', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-record-')), 'trace.jsonl')
  const router = await fleet.router([await worker('lora1')], {}, { record: path })
  const bodies = [
    { model: 'm' },
    { model: 'lora1' },
    { model: 'm', cache_salt: 'a' },
    { model: 'm', cache_salt: 'b' },
    { model: 'lora1' },
  ]
  for (const body of bodies) await complete(router.url, { ...PROMPT, ...body })
  await router.close(1000)
  const { table } = await readTrace(path)
  const named = (column: Int32Array): unknown[] => [...column].map((id) => table.strings[id])
  expect(named(table.model)).toEqual(['m', 'm', 'm', 'm', 'm'])
  expect(named(table.adapter)).toEqual([undefined, 'lora1', undefined, undefined, 'lora1'])
  expect(new Set(table.promptNode).size).toBe(4)
  expect(table.promptNode[4]).toBe(table.promptNode[1])
})
