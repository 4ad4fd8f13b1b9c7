import { affineLatency } from '@routesim/hardware'
import OpenAI from 'openai'
import { afterEach, expect, test } from 'vitest'
import type { KvEvent, KvEventBatch } from '../kv-events/kv-event.js'
import { KvEventSubscriber } from '../kv-events/kv-event-subscriber.js'
import { sumMetrics } from '../metrics/parse-prometheus.js'
import { until } from '../testing/until.js'
import { type MockWorkers, type MockWorkersOptions, startMockWorkers } from './mock-workers.js'

const SPEC = {
  role: 'both',
  latency: affineLatency({
    baseMs: 4,
    prefillMsPerToken: 0.02,
    decodeMsPerRequest: 0.1,
    decodeMsPerContextToken: 0,
    mixedDecodeMsPerContextToken: 0,
    prefillMsPerAttentionPair: 0,
  }),
  kv: { blocks: 64, blockTokens: 16 },
  maxBatchTokens: 512,
  maxNumSeqs: 8,
  maxQueueDepth: 100,
  chunkedPrefill: true,
} as const

const started: MockWorkers[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.close()))
})

async function workers(options: Partial<MockWorkersOptions> = {}): Promise<MockWorkers> {
  const each = await startMockWorkers({
    cluster: { backends: [SPEC] },
    prefixCaching: true,
    host: '127.0.0.1',
    port: 0,
    model: 'mock',
    speedup: 4,
    startupMs: 0,
    defaultMaxTokens: 5,
    seed: 1,
    ...options,
  })
  started.push(each)
  return each
}

function client({ workers: [worker] }: MockWorkers): OpenAI {
  return new OpenAI({ baseURL: `${worker!.url}/v1`, apiKey: 'none', maxRetries: 0 })
}

async function metrics({ workers: [worker] }: MockWorkers, name: string): Promise<number> {
  const text = await (await fetch(`${worker!.url}/metrics`)).text()
  return sumMetrics(text, new Set([name])).get(name)!.sum
}

const messages = [{ role: 'user' as const, content: 'Tell me something long. '.repeat(20) }]

test('the official client streams a chat, and the words are those of the whole answer', async () => {
  const mock = await workers()
  const openai = client(mock)
  const request = { model: 'mock', messages, max_tokens: 12 }
  const whole = await openai.chat.completions.create(request)
  const stream = await openai.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  })
  let text = ''
  let usage: OpenAI.CompletionUsage | null | undefined
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
  }
  expect(text).toBe(whole.choices[0]!.message.content)
  expect(text.split(' ').length).toBe(13)
  expect(whole.usage).toMatchObject({ completion_tokens: 12 })
  expect(usage!.prompt_tokens).toBe(whole.usage!.prompt_tokens)
  // The second came when the first was cached.
  expect(usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThan(100)
  expect(await metrics(mock, 'vllm:generation_tokens_total')).toBe(24)
})

test('plain completions, models, and a next turn that finds prompt and answer cached', async () => {
  const mock = await workers()
  const openai = client(mock)
  expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['mock'])
  const { choices } = await openai.completions.create({ model: 'mock', prompt: [1, 2, 3] })
  expect(choices[0]!.text.split(' ').length).toBe(6)
  const request = { model: 'mock', max_tokens: 40 }
  const first = await openai.chat.completions.create({ ...request, messages })
  const answer = first.choices[0]!.message
  const next = await openai.chat.completions.create({
    ...request,
    messages: [...messages, { role: 'assistant', content: answer.content }, ...messages],
  })
  const known = first.usage!.prompt_tokens + 40
  expect(next.usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThan(known - 32)
})

test.each([
  ['model', { model: 'other', prompt: 'x' }, 404, /expected mock/],
  ['number of answers', { model: 'mock', prompt: 'x', n: 2 }, 400, /^400 n: expected 1/],
  [
    'length',
    { model: 'mock', prompt: 'x'.repeat(5000) },
    400,
    /maximum context length is 1024 tokens/,
  ],
  ['prompt', { model: 'mock', prompt: 7 as unknown as string }, 400, /prompt: expected a string/],
])('a request with a %s it can not serve is refused', async (_, request, status, message) => {
  const refused = client(await workers()).completions.create(request)
  await expect(refused).rejects.toMatchObject({ status, message: expect.stringMatching(message) })
})

test('a worker takes prompt and answer up to its max_model_len', async () => {
  const mock = await workers({ cluster: { backends: [{ ...SPEC, maxModelLen: 100 }] } })
  const ask = (max_tokens: number) =>
    client(mock).completions.create({ model: 'mock', prompt: [1, 2, 3], max_tokens })
  expect((await ask(97)).usage).toMatchObject({ total_tokens: 100 })
  await expect(ask(98)).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining('maximum context length is 100 tokens'),
  })
})

test('a client that goes away gets its KV blocks released', async () => {
  const mock = await workers({ speedup: 1 })
  const abort = new AbortController()
  const stream = await client(mock).chat.completions.create(
    { model: 'mock', messages, max_tokens: 500, stream: true },
    { signal: abort.signal },
  )
  await stream[Symbol.asyncIterator]().next()
  expect(mock.engine.underWay).toBe(1)
  abort.abort()
  await until(() => mock.engine.underWay === 0)
  await until(async () => (await metrics(mock, 'vllm:num_requests_running')) === 0)
  expect(await metrics(mock, 'vllm:kv_cache_usage_perc')).toBe(0)
})

test('events tell what is cached: what is stored and not removed is what a prompt finds', async () => {
  const mock = await workers({
    kvEvents: { port: 0, replayPort: 0, topic: '', bufferedBatches: 1000 },
  })
  const openai = client(mock)
  const held = new Set<number>()
  const apply = (event: KvEvent): void => {
    if (event.kind === 'stored') for (const hash of event.hashes) held.add(hash)
    if (event.kind === 'removed')
      for (const hash of event.hashes) expect(held.delete(hash)).toBe(true)
    if (event.kind === 'cleared') held.clear()
  }
  await openai.completions.create({ model: 'mock', prompt: 'before anybody listens '.repeat(30) })
  const { kvEvents, kvReplay } = mock.workers[0]!
  let batches = 0
  const subscriber = await KvEventSubscriber.open(
    { endpoint: kvEvents!, replayEndpoint: kvReplay!, topic: '', replayTimeoutMs: 5000 },
    {
      apply: ({ events }: KvEventBatch) => {
        batches++
        events.forEach(apply)
      },
      forget: () => held.clear(),
    },
  )
  await until(() => batches > 0)
  // Far more than the cache holds.
  for (let i = 0; i < 20; i++) {
    await openai.completions.create({ model: 'mock', prompt: `${i} `.repeat(1000), max_tokens: 20 })
  }
  const usage = { total: 0, held: 0, cached: 0, free: 0 }
  mock.engine.usageOf(0, usage)
  expect(usage.cached).toBeGreaterThan(40)
  await until(() => held.size === usage.cached)
  expect(mock.engine.namedBlocks).toBe(usage.cached)
  await fetch(`${mock.workers[0]!.url}/reset_prefix_cache`, { method: 'POST' })
  await until(() => held.size === 0)
  mock.engine.usageOf(0, usage)
  expect(usage.free).toBe(usage.total)
  expect(mock.engine.namedBlocks).toBe(0)
  subscriber.close()
})

test('a prefill and a decode worker share a request', async () => {
  const mock = await workers({
    cluster: {
      backends: [
        { ...SPEC, role: 'prefill' },
        { ...SPEC, role: 'decode' },
      ],
      kvTransfer: { latencyMs: 1, bandwidthBytesPerSec: 1e9, bytesPerToken: 1000 },
    },
  })
  const post = async (worker: number, body: object) => {
    const response = await fetch(`${mock.workers[worker]!.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'x'.repeat(800), max_tokens: 7, ...body }),
    })
    return (await response.json()) as { kv_transfer_params?: object; usage?: object }
  }
  expect(await post(0, {})).toMatchObject({ error: { code: 400 } })
  const prefilled = await post(0, { kv_transfer_params: { do_remote_decode: true } })
  expect(prefilled.usage).toMatchObject({ completion_tokens: 1 })
  const { kv_transfer_params } = prefilled
  expect((await post(1, { kv_transfer_params })).usage).toMatchObject({ completion_tokens: 7 })
  expect(await post(1, {})).toMatchObject({ error: { code: 400 } })
})

test('failures on purpose, as many as asked for', async () => {
  const failures = { errorRate: 0.3, hangRate: 0, breakRate: 0.2, spikeRate: 0, spikeMs: 0 }
  const { workers: up } = await workers({ failures, speedup: 100 })
  const ends = await Promise.all(
    Array.from({ length: 200 }, async () => {
      try {
        const response = await fetch(`${up[0]!.url}/v1/completions`, {
          method: 'POST',
          body: JSON.stringify({ prompt: 'x', stream: true }),
        })
        await response.text()
        return response.status
      } catch {
        return 'broken'
      }
    }),
  )
  const count = (end: unknown): number => ends.filter((each) => each === end).length
  expect(count(500)).toBeGreaterThan(30)
  expect(count('broken')).toBeGreaterThan(15)
  expect(count(200) + count(500) + count('broken') + count(503)).toBe(200)
})

test('a cluster that can not be, is refused before ports for KV events are taken', async () => {
  const kvEvents = { port: 0, replayPort: 0, topic: '', bufferedBatches: 5 }
  const other = await workers({ kvEvents })
  const taken = Number(new URL(other.workers[0]!.kvEvents!).port)
  await other.close()
  const impossible = { cluster: { backends: [{ ...SPEC, maxNumSeqs: 0 }] } }
  const again = { kvEvents: { ...kvEvents, port: taken } }
  await expect(workers({ ...again, ...impossible })).rejects.toThrow('maxNumSeqs: expected')
  expect((await workers(again)).workers[0]!.kvEvents).toBe(`tcp://127.0.0.1:${taken}`)
})

test('a model tells how long it is, and answers without a limit end there', async () => {
  const lengthOf = async (mock: MockWorkers): Promise<unknown> => {
    const { data } = await client(mock).models.list()
    return (data[0] as { max_model_len?: unknown }).max_model_len
  }
  expect(await lengthOf(await workers())).toBe(1024)
  const kv = { blocks: 4, blockTokens: 16 }
  const small = { backends: [{ ...SPEC, kv, maxModelLen: 100 }] }
  expect(await lengthOf(await workers({ cluster: small }))).toBe(64)
  const mock = await workers({ cluster: { backends: [{ ...SPEC, maxModelLen: 100 }] } })
  expect(await lengthOf(mock)).toBe(100)
  const answerTo = async (promptTokens: number): Promise<number> => {
    const prompt = Array.from({ length: promptTokens }, (_, i) => i)
    const { usage } = await client(mock).completions.create({ model: 'mock', prompt })
    return usage!.completion_tokens
  }
  expect([await answerTo(90), await answerTo(97), await answerTo(99)]).toEqual([5, 3, 1])
  await expect(answerTo(100)).rejects.toThrow('maximum context length is 100 tokens')
})
