import { mkdtempSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream } from '@routesim/core'
import { readTrace } from '@routesim/traces'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet, TEST_SPEC } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const PATHS = [
  '/v1/completions',
  '/v1/chat/completions',
  '/v1/../v1/completions',
  '//v1/completions',
  '/v1/completions/%2e%2e',
  '/metrics',
  '/workers',
  '/decisions?last=-1',
  '/find_best_worker',
  '/%00',
  '*',
  'http://elsewhere/v1/completions',
]
const VALUES = ['null', '{}', '[]', '"x"', '-1', '1e999', 'true', '[[[[1]]]]', '"\\ud800"', '0.5']
const FIELDS = [
  'prompt',
  'messages',
  'max_tokens',
  'stream',
  'n',
  'model',
  'stream_options',
  '__proto__',
]

/** One bad request in bytes, as some client might send it. */
function badRequest(random: RandomStream): string {
  const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)]!
  const fields = Array.from(
    { length: random.integer(4) },
    () => `"${pick(FIELDS)}":${pick(VALUES)}`,
  )
  const body = pick([
    `{${fields.join()}}`,
    `{${fields.join()}`,
    '['.repeat(random.integer(2000)),
    'x'.repeat(random.integer(500)),
    '',
  ])
  const method = pick(['POST', 'GET', 'PUT', 'BREW', 'post'])
  const length = pick([String(body.length), String(body.length + 1), '-1', '99999999999'])
  const head = pick([
    '',
    'content-encoding: gzip\r\n',
    `x: ${'y'.repeat(20_000)}\r\n`,
    'bad header\r\n',
  ])
  return `${method} ${pick(PATHS)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${length}\r\n${head}\r\n${body}`
}

/** Sends bytes and reads the status, undefined when there is none. */
function send(port: number, bytes: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const end = (): void => {
      clearTimeout(timer)
      socket.destroy()
      const status = /^HTTP\/1.1 (\d+)/.exec(answer)?.[1]
      resolve(status === undefined ? undefined : Number(status))
    }
    // Some wait for bytes that do not come.
    const timer = setTimeout(end, 300)
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.on('close', end)
    socket.on('error', end)
  })
}

test('10,000 bad requests leave it serving, and none is answered with 500', async () => {
  const router = await fleet.router([await fleet.workers(1)], { max_body_bytes: 1_000_000 })
  const [port, adminPort] = [router.url, router.adminUrl].map((url) => Number(new URL(url).port))
  const random = new RandomStream(1, 'bad requests')
  const statuses = new Map<number | undefined, number>()
  let sent = 0
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (sent++ < 10_000) {
        const status = await send(sent % 4 === 0 ? adminPort! : port!, badRequest(random))
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }),
  )
  expect(statuses.get(500)).toBeUndefined()
  for (const status of [400, 404, 405]) expect(statuses.get(status)).toBeGreaterThan(20)
  await until(() => router.stats.inFlight === 0)
  expect((await complete(router.url, { prompt: 'still there' })).status).toBe(200)
  const { ends, begun } = router.stats
  expect(Object.values(ends).reduce((sum, count) => sum + count, 0)).toBe(begun)
})

test('a key is asked for, bodies have a limit, and admin endpoints are not on the port of clients', async () => {
  const router = await fleet.router(
    [await fleet.workers(1)],
    { max_body_bytes: 500 },
    { apiKey: 'secret' },
  )
  const key = { authorization: 'Bearer secret' }
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(401)
  expect((await complete(router.url, { prompt: 'x' }, { authorization: 'Bearer no' })).status).toBe(
    401,
  )
  expect((await complete(router.url, { prompt: 'x' }, key)).status).toBe(200)
  expect((await complete(router.url, { prompt: 'x'.repeat(600) }, key)).status).toBe(413)
  for (const path of ['/metrics', '/workers', '/decisions']) {
    expect((await fetch(router.url + path)).status).toBe(404)
  }
})

/** Sends bytes and reads all that comes back until the connection closes. */
function exchange(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

test('bodies nested deeper than prompts can be read are refused, on one worker and on two; what is no prompt goes on', async () => {
  const both = await fleet.router([await fleet.workers(1)])
  const roles = [
    { ...TEST_SPEC, role: 'prefill' },
    { ...TEST_SPEC, role: 'decode' },
  ] as const
  const split = await fleet.router([await fleet.workers(0, { cluster: { backends: roles } })])
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  for (const { url } of [both, split]) {
    for (const [path, body] of [
      ['chat/completions', `{"messages":[{"role":"user","content":"x"}],"tools":${deep}}`],
      ['chat/completions', `{"messages":[{"role":"user","content":[{"image_url":${deep}}]}]}`],
    ]) {
      const answer = await fetch(`${url}/v1/${path}`, { method: 'POST', body: body! })
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('nested')])
    }
    const body = `{"prompt":"x","stop":${deep}}`
    expect((await fetch(`${url}/v1/completions`, { method: 'POST', body })).status).toBe(200)
  }
  expect(split.core.backends.map(({ failures }) => failures)).toEqual([0, 0])
})

test('paths say which methods they take, take HEAD for GET, and may come as whole URLs', async () => {
  const { url } = await fleet.router([await fleet.workers(1)])
  const wrong = await fetch(`${url}/v1/completions`, { method: 'OPTIONS' })
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
  const head = await fetch(`${url}/health`, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  const whole =
    'GET http://router/v1/models?x=1 HTTP/1.1\r\nhost: router\r\nconnection: close\r\n\r\n'
  expect(await exchange(url, whole)).toMatch(/^HTTP\/1.1 200 [\s\S]*"mock"/)
})

test('a body that is announced to be too large is refused before it is sent', async () => {
  const { url } = await fleet.router([await fleet.workers(1)], { max_body_bytes: 500 })
  const asking = (length: number): string =>
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`
  expect(await exchange(url, asking(501))).toMatch(/^HTTP\/1.1 413 /)
  const body = '{"prompt":"x"}'
  expect(await exchange(url, asking(body.length) + body)).toMatch(
    /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /,
  )
})

test('bodies under way have room together, and it is given back', async () => {
  const limits = { max_body_bytes: 1000, max_buffered_bytes: 1500 }
  const router = await fleet.router([await fleet.workers(1)], limits)
  const halves = Array.from({ length: 2 }, () => {
    const socket = connect(Number(new URL(router.url).port), '127.0.0.1')
    const head = 'POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\n'
    socket.write(`${head}${'x'.repeat(700)}`)
    return socket
  })
  await until(() => router.stats.bodyBytes === 1400)
  const { status } = await complete(router.url, { prompt: 'x'.repeat(200) })
  expect(status).toBe(503)
  for (const socket of halves) socket.destroy()
  await until(() => router.stats.bodyBytes === 0)
  expect((await complete(router.url, { prompt: 'x'.repeat(200) })).status).toBe(200)
  expect(router.stats.ends).toMatchObject({ rejected: 1, cancelled: 2, completed: 1 })
})

test('embeddings in place of a prompt go to the worker, and nothing in its place does not', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-record-')), 'trace.jsonl')
  const worker = await fleet.workerThatSays(200, { 'content-type': 'application/json' }, [
    '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}',
  ])
  const router = await fleet.router([worker], { algorithm: 'prefix_aware' }, { record: path })
  const prompt_embeds = 'AAAA'
  for (const body of [{}, { prompt: null }, { prompt: [] }, { prompt: '' }]) {
    expect((await complete(router.url, { ...body, prompt_embeds })).status).toBe(200)
    const refused = await complete(router.url, body)
    expect([refused.status, refused.json['error']]).toMatchObject([400, { param: 'prompt' }])
  }
  await router.close(1000)
  expect([...(await readTrace(path)).table.promptTokens]).toEqual([7, 7, 7, 7])
  const [mock] = (await fleet.workers(1)).workers
  expect((await complete(mock!.url, { prompt_embeds })).status).toBe(400)
})

test('several prompts, or answers, are for the worker to take or refuse', async () => {
  const router = await fleet.router([await fleet.workers(1)])
  for (const body of [{ prompt: ['one', 'two'] }, { prompt: 'x', n: 2 }]) {
    const { status, worker, text } = await complete(router.url, body)
    expect([status, worker]).toEqual([400, 0])
    expect(text).toContain('expected 1, got 2')
  }
})

test('no output tokens at all are for the worker to take or refuse, and recorded as such', async () => {
  const usage = { prompt_tokens: 1, completion_tokens: 0 }
  const echo = await fleet.rawWorker(200, JSON.stringify({ choices: [{ text: 'x' }], usage }))
  const record = join(mkdtempSync(join(tmpdir(), 'routesim-live-')), 'record.jsonl')
  const taking = await fleet.router([echo], { algorithm: 'llumnix' }, { record })
  const body = { prompt: 'x', max_tokens: 0, echo: true }
  expect((await complete(taking.url, body)).status).toBe(200)
  await taking.close(1000)
  expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ gen_tokens: 0 })
  const refusing = await fleet.router([await fleet.workers(1)])
  const { status, worker, text } = await complete(refusing.url, body)
  expect([status, worker]).toEqual([400, 0])
  expect(text).toContain('expected at least 1, got 0')
})
