import { connect } from 'node:net'
import { RandomStream } from '@routesim/core'
import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'
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
    const timer = setTimeout(end, 100)
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
  for (const status of [400, 404, 405]) expect(statuses.get(status)).toBeGreaterThan(100)
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
