import { appendFileSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTrace } from '@routesim/traces'
import { afterEach, expect, test } from 'vitest'
import { NO_FAILURES } from '../mock/failure-switches.js'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import type { RouterLogEntry } from './router-log-entry.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const newPath = (): string => join(mkdtempSync(join(tmpdir(), 'routesim-record-')), 'trace.jsonl')

interface Line {
  readonly ts: number
  readonly prompt_tokens: number
  readonly hash_ids: readonly number[]
  readonly gen_tokens: number
  readonly gen_tokens_unknown?: boolean
  readonly end?: string
}
const linesOf = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

test("a stream as vLLM's has as many tokens as chunks with a text, and as it says where it says so", async () => {
  const path = newPath()
  const chunk = (choice: object): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, finish_reason: null, ...choice }] })}\n\n`
  const stream = [
    chunk({ delta: { role: 'assistant', content: '' } }),
    chunk({ delta: { content: 'a' } }),
    chunk({ delta: { content: 'b c' } }),
    chunk({ delta: { content: 'd' }, finish_reason: 'length' }),
  ]
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
  const done = 'data: [DONE]\n\n'
  const plain = await fleet.rawWorker(200, ...stream, done)
  const exact = await fleet.rawWorker(200, ...stream, usage, done)
  const config = { algorithm: 'round_robin' }
  const router = await fleet.router([plain, exact], config, { record: path })
  const messages = [{ role: 'user', content: 'x' }]
  for (let i = 0; i < 2; i++) {
    const body = JSON.stringify({ messages, stream: true })
    await (await fetch(`${router.url}/v1/chat/completions`, { method: 'POST', body })).text()
  }
  await router.close(1000)
  expect(linesOf(path).map((line) => line.gen_tokens)).toEqual([3, 4])
})

test('an answer in one piece has as many tokens as it says, wherever it says so, or is marked as one that does not', async () => {
  const path = newPath()
  const usage = { prompt_tokens: 3, completion_tokens: 42 }
  const ids = Array.from({ length: 3000 }, (_, i) => i)
  const json = { 'content-type': 'application/json' }
  const says = (answer: object, headers = {}) =>
    fleet.workerThatSays(200, { ...json, ...headers }, [JSON.stringify(answer)])
  const mocks = [
    await says({ usage, prompt_token_ids: ids }),
    await says({ prompt_token_ids: ids, usage }),
    await says({ choices: [] }),
    await says({ usage }, { 'content-encoding': 'x-packed' }),
  ]
  const heard = algorithmFile(`{
    name: 'own',
    next: 0,
    heard: [],
    route(request, cluster) { return cluster.backends[this.next++] },
    onFinished(request, backend, cluster, { outputTokens }) { this.heard.push(outputTokens) },
    customMetrics() {
      return Object.fromEntries(this.heard.map((tokens, i) => ['heard_' + i, tokens]))
    },
  }`)
  const router = await fleet.router(mocks, { algorithm: heard }, { record: path })
  for (const _ of mocks) await complete(router.url, { prompt: 'x', max_tokens: 50 })
  expect(Object.values(router.core.customMetrics)).toEqual([42, 42, Number.NaN, Number.NaN])
  await router.close(1000)
  const lines = linesOf(path)
  expect(lines.map((line) => line.gen_tokens)).toEqual([42, 42, 0, 0])
  const unknown = [undefined, undefined, true, true]
  expect(lines.map((line) => line.gen_tokens_unknown)).toEqual(unknown)
  expect((await readTrace(path)).table.maxTokens[3]).toBe(50)
})

test('a prompt is as long as its worker says, and shares with others the blocks that fit', async () => {
  const path = newPath()
  const json = { 'content-type': 'application/json' }
  const details = { cached_tokens: 512 }
  const mocks = []
  for (const prompt_tokens of [100, 300, undefined]) {
    const usage = { prompt_tokens, completion_tokens: 1, prompt_tokens_details: details }
    mocks.push(await fleet.workerThatSays(200, json, [JSON.stringify({ usage })]))
  }
  const algorithm = algorithmFile(`{
    name: 'own',
    next: 0,
    heard: {},
    route(request, cluster) { return cluster.backends[this.next++] },
    onFinished(request, backend, cluster, { promptTokens, cachedTokens }) {
      this.heard['prompt_' + backend.id] = promptTokens
      this.heard['cached_' + backend.id] = cachedTokens
    },
    customMetrics() { return this.heard },
  }`)
  const router = await fleet.router(mocks, { algorithm, block_tokens: 16 }, { record: path })
  for (const _ of mocks) await complete(router.url, { prompt: 'abcd'.repeat(160) })
  // More can not be cached than there is.
  expect(router.core.customMetrics).toEqual({
    ...{ prompt_0: 100, cached_0: 100 },
    ...{ prompt_1: 300, cached_1: 300 },
    ...{ prompt_2: 160, cached_2: 160 },
  })
  await router.close(1000)
  const lines = linesOf(path)
  expect(lines.map((line) => [line.prompt_tokens, line.hash_ids.length])).toEqual([
    [100, 6],
    [300, 9],
    [160, 9],
  ])
  expect(lines[1]!.hash_ids.slice(0, 6)).toEqual(lines[0]!.hash_ids)
  const { table } = await readTrace(path)
  expect([...table.promptTokens.subarray(0, 3)]).toEqual([100, 300, 160])
})

test('a restart goes on with a recording, at its time, after the last whole line', async () => {
  const path = newPath()
  const mocks = await fleet.workers(1)
  const first = await fleet.router([mocks], {}, { record: path })
  await complete(first.url, { prompt: 'x' })
  await first.close(1000)
  appendFileSync(path, '{"ts":99999,"prompt_tok')
  const before = Date.now() / 1000 - 60
  utimesSync(path, before, before)
  const log: RouterLogEntry[] = []
  const second = await fleet.router(
    [mocks],
    {},
    { record: path, onLog: (entry) => log.push(entry) },
  )
  await complete(second.url, { prompt: 'x' })
  await second.close(1000)
  const [one, two, ...more] = linesOf(path)
  expect(more).toEqual([])
  expect(two!.ts - one!.ts).toBeGreaterThanOrEqual(60_000)
  expect(two!.ts - one!.ts).toBeLessThan(90_000)
  expect(log.find(({ event }) => event === 'recording_resumed')).toMatchObject({ cut_bytes: 23 })
  expect((await readTrace(path)).table.size).toBe(2)
})

test.each([
  ['a table', '[cluster]\nnum_backends = 1\n'],
  ['JSON of another kind', '{"a":1}\n'],
  ['a line without an end', 'precious'],
])('a file that is no recording is left as it is: %s', async (_, text) => {
  const path = newPath()
  writeFileSync(path, text)
  const start = fleet.router([await fleet.workers(1)], {}, { record: path })
  await expect(start).rejects.toThrow(/expected a recording to go on with, or no file/)
  expect(readFileSync(path, 'utf8')).toBe(text)
})

test.skipIf(process.platform !== 'linux')('a full disk is told once, and counted', async () => {
  const log: RouterLogEntry[] = []
  const router = await fleet.router(
    [await fleet.workers(1)],
    {},
    { record: '/dev/full', onLog: (entry) => log.push(entry) },
  )
  for (let i = 0; i < 3; i++) {
    expect((await complete(router.url, { prompt: 'x' })).status).toBe(200)
    await until(() => log.some(({ event }) => event === 'recording_failed'))
  }
  const metrics = await (await fetch(`${router.adminUrl}/metrics`)).text()
  expect(metrics).toContain('routesim_recorded_total{kind="dropped"} 3')
  await router.close(1000)
  const told = log.filter(({ event }) => event === 'recording_failed')
  expect(told).toEqual([
    { event: 'recording_failed', path: '/dev/full', why: expect.stringMatching(/\S/) },
  ])
  expect(log.at(-1)).toMatchObject({ event: 'stopped', recorded: 0, dropped: 3 })
})

test('requests that were cut short are recorded with what their clients got', async () => {
  const path = newPath()
  const mocks = await fleet.workers(1)
  const router = await fleet.router([mocks], { algorithm: 'round_robin' }, { record: path })
  const gone = new AbortController()
  const body = JSON.stringify({ prompt: 'x', max_tokens: 400, stream: true })
  const url = `${router.url}/v1/completions`
  const response = await fetch(url, { method: 'POST', body, signal: gone.signal })
  const reader = response.body!.getReader()
  let text = ''
  while (text.split('data: ').length < 6) {
    text += Buffer.from((await reader.read()).value ?? []).toString()
  }
  gone.abort()
  await until(() => router.stats.ends.cancelled === 1)
  await router.close(1000)
  const [line, ...more] = linesOf(path)
  expect(more).toEqual([])
  expect(line!.end).toBe('cancelled')
  expect(line!.gen_tokens).toBeGreaterThanOrEqual(5)
  expect(line!.gen_tokens).toBeLessThan(400)
})

test('a request whose stream breaks is recorded with what came', async () => {
  const path = newPath()
  const breaking = await fleet.workers(1, {
    failures: { ...NO_FAILURES, breakRate: 1 },
  })
  const router = await fleet.router([breaking], {}, { record: path })
  const request = complete(router.url, { prompt: 'x', stream: true, max_tokens: 400 })
  await expect(request).rejects.toThrow()
  await until(() => router.stats.ends.broken === 1)
  await router.close(1000)
  const [line, ...more] = linesOf(path)
  expect(more).toEqual([])
  expect(line!.end).toBe('broken')
  expect(line!.gen_tokens).toBeGreaterThanOrEqual(1)
  expect(line!.gen_tokens).toBeLessThan(200)
})
