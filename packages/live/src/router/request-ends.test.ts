import { afterEach, expect, test } from 'vitest'
import { NO_FAILURES } from '../mock/failure-switches.js'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'
import { REQUEST_ENDS, type RequestEnd } from './request-ends.js'
import type { RouterLogEntry } from './router-log-entry.js'
import type { RunningRouter } from './router-server.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

/** All ended so often in that way and in no other, and nothing is left. */
async function expectEnds(
  router: RunningRouter,
  ends: Partial<Record<RequestEnd, number>>,
): Promise<void> {
  await until(() => router.stats.inFlight === 0)
  const none = Object.fromEntries(REQUEST_ENDS.map((end) => [end, 0]))
  expect(router.stats.ends).toEqual({ ...none, ...ends })
  for (const { inFlight, heldTokens, pendingTokens } of router.core.backends)
    expect([inFlight, heldTokens, pendingTokens]).toEqual([0, 0, 0])
}

function worker(failures: Partial<typeof NO_FAILURES>) {
  return fleet.workers(1, { failures: { ...NO_FAILURES, ...failures } })
}

test('a request that takes too long before its first byte gets 504, and is timed out', async () => {
  const router = await fleet.router([await worker({ hangRate: 1 })], { request_timeout_ms: 200 })
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(504)
  await expectEnds(router, { timed_out: 1 })
})

test('a stream that takes too long is broken off, and is timed out', async () => {
  const router = await fleet.router([await fleet.workers(1)], { request_timeout_ms: 300 })
  await expect(
    complete(router.url, { prompt: 'x', stream: true, max_tokens: 5000 }),
  ).rejects.toThrow()
  await expectEnds(router, { timed_out: 1 })
})

test('when every worker fails, the client gets what the last one said, or 504 when they are silent', async () => {
  const bad = [await worker({ errorRate: 1 }), await worker({ errorRate: 1 })]
  const router = await fleet.router(bad, { breaker_failures: 100 })
  expect(await complete(router.url, { prompt: 'x' })).toMatchObject({
    status: 500,
    json: { error: { message: 'a failure on purpose' } },
  })
  await expectEnds(router, { failed: 1 })
  expect(router.stats.retries).toBe(1)
  const silent = await fleet.router([await worker({ hangRate: 1 })], {
    first_byte_timeout_ms: 100,
  })
  expect((await complete(silent.url, { prompt: 'x', stream: true })).status).toBe(504)
  await expectEnds(silent, { failed: 1 })
})

test('a long answer that is not streamed is no silence of its worker', async () => {
  const router = await fleet.router([await fleet.workers(2)], {
    first_byte_timeout_ms: 100,
    breaker_failures: 1,
  })
  const asked = { prompt: 'x', max_tokens: 150, ignore_eos: true }
  expect((await complete(router.url, asked)).status).toBe(200)
  await expectEnds(router, { completed: 1 })
  expect(router.stats.retries).toBe(0)
  for (const { breaker, failures } of router.core.backends)
    expect([breaker.state(router.core.now()), failures]).toEqual(['closed', 0])
})

test('failures count by worker, are logged, and open its breaker; with nobody else to try nothing is retried', async () => {
  const log: RouterLogEntry[] = []
  const router = await fleet.router(
    [await worker({ errorRate: 1 })],
    { breaker_failures: 2 },
    { onLog: (entry) => log.push(entry) },
  )
  for (let i = 0; i < 2; i++) expect((await complete(router.url, { prompt: 'x' })).status).toBe(500)
  const metrics = await (await fetch(`${router.adminUrl}/metrics`)).text()
  expect(metrics).toContain('routesim_retries_total 0\n')
  const { url } = router.core.backends[0]!
  expect(metrics).toContain(
    `routesim_worker_failures_total{worker="0",url="${url}",reason="status",status="500"} 2\n`,
  )
  const failed = { event: 'worker_failed', worker: 0, url, reason: 'status', status: 500 }
  expect(log.filter(({ event }) => event !== 'worker_up')).toEqual([
    ...[failed, failed],
    { event: 'breaker_opened', worker: 0, url },
  ])
})

test("a stream that ends with an error is broken, and the worker's failure; words of answers and errors of clients are none", async () => {
  const event = (code: string): string =>
    `data: {"choices":[{"text":"a"}]}\n\ndata: {"error": {"message": "no"${code}}}\n\ndata: [DONE]\n\n`
  const quoted = 'data: {"choices":[{"text":"\\ndata: {\\"error\\": 1}"}]}\n\ndata: [DONE]\n\n'
  const streams = [quoted, event(', "code": 400'), event(', "code": 500'), event('')]
  const workers = await Promise.all(streams.map((text) => fleet.rawWorker(200, text)))
  const router = await fleet.router(workers, { algorithm: 'round_robin', breaker_failures: 1 })
  for (let i = 0; i < 4; i++) {
    const { status } = await complete(router.url, { prompt: 'x', stream: true })
    expect(status).toBe(200)
  }
  await expectEnds(router, { completed: 1, client_error: 1, broken: 2 })
  const { backends, now } = router.core
  const states = backends.map(({ breaker }) => breaker.state(now()))
  expect(states).toEqual(['closed', 'closed', 'open', 'open'])
  expect([...backends[2]!.failuresByReason]).toEqual([['error_event', 1]])
})

test('a stream that begins with an error is tried elsewhere, but not one of the client', async () => {
  const stream = (code: number): string =>
    `data: {"error": {"message": "no", "code": ${code}}}\n\ndata: [DONE]\n\n`
  const good = 'data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\n'
  const [bad, fine] = [await fleet.rawWorker(200, stream(500)), await fleet.rawWorker(200, good)]
  const router = await fleet.router([bad, fine], { algorithm: 'round_robin' })
  const asked = { prompt: 'x', stream: true }
  expect((await complete(router.url, asked)).text).toBe(good)
  expect(router.stats.retries).toBe(1)
  await expectEnds(router, { completed: 1 })
  expect([...router.core.backends[0]!.failuresByReason]).toEqual([['error_event', 1]])
  const alone = await fleet.router([bad])
  expect(await complete(alone.url, asked)).toMatchObject({
    status: 500,
    json: { error: { message: 'no', code: 500 } },
  })
  const refused = await fleet.router([await fleet.rawWorker(200, stream(400))])
  expect((await complete(refused.url, asked)).text).toBe(stream(400))
  await expectEnds(refused, { client_error: 1 })
})

test('a stream that begins with an error is tried elsewhere in whatever shape and pieces it comes, as is one without events', async () => {
  const error = '{"error":{"message":"no"}}'
  const shapes: [string[], string][] = [
    [[': ping\n\n', `data: ${error}\n\n`], 'error_event'],
    [[`event: error\ndata: ${error}\n\n`], 'error_event'],
    [['data: {"err', `or":{"message":"no"}}\n\ndata: [DONE]\n\n`], 'error_event'],
    [['data: { "error": "no" }\n\n'], 'error_event'],
    [[': ping\n\n'], 'no_events'],
    [[], 'no_events'],
    [['data: {"error":{"code":429}}\n\n'], 'full'],
  ]
  const good = [': ping\n\n', 'data: {"choices":[{"text":"a"}]}\n\n', 'data: [DONE]\n\n']
  const fine = await fleet.rawWorker(200, ...good)
  const asked = { prompt: 'x', stream: true }
  for (const [pieces, reason] of shapes) {
    const bad = await fleet.rawWorker(200, ...pieces)
    const router = await fleet.router([bad, fine], { algorithm: 'round_robin' })
    expect((await complete(router.url, asked)).text).toBe(good.join(''))
    expect([...router.core.backends[0]!.failuresByReason]).toEqual([[reason, 1]])
    await expectEnds(router, { completed: 1 })
    const alone = await fleet.router([bad])
    const status = { full: 429, error_event: 500 }[reason] ?? 502
    expect((await complete(alone.url, asked)).status).toBe(status)
  }
})

test('a full worker is no broken one: another is tried, and when all are full the client hears when to come again', async () => {
  const full = (retryAfter: string) =>
    fleet.workerThatSays(429, { 'retry-after': retryAfter }, [`{"error":"come in ${retryAfter}"}`])
  const [first, second] = [await full('7'), await full('8')]
  const one = await fleet.router([first, await fleet.workers(1)], {
    algorithm: 'round_robin',
    breaker_failures: 1,
  })
  const { status, worker } = await complete(one.url, { prompt: 'x' })
  expect([status, worker, one.stats.retries]).toEqual([200, 1, 1])
  await expectEnds(one, { completed: 1 })
  expect(one.core.backends[0]!.breaker.state(one.core.now())).toBe('closed')

  const both = await fleet.router([first, second], { algorithm: 'round_robin' })
  const refused = await fetch(`${both.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'x' }),
  })
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '8'])
  expect(await refused.text()).toBe('{"error":"come in 8"}')
  await expectEnds(both, { rejected: 1 })
  expect([...both.core.backends[0]!.failuresByReason]).toEqual([['full', 1]])
})

test("no 5xx is the client's error: 529 is tried elsewhere, 501 is neither tried again nor a sign of health", async () => {
  const says = async (status: number) => [
    await fleet.rawWorker(status, '{}'),
    await fleet.workers(1),
  ]
  const config = { algorithm: 'round_robin', breaker_failures: 2 }
  const overloaded = await fleet.router(await says(529), config)
  expect((await complete(overloaded.url, { prompt: 'x' })).status).toBe(200)
  await expectEnds(overloaded, { completed: 1 })
  expect([...overloaded.core.backends[0]!.failuresByReason]).toEqual([['status 529', 1]])

  const lacking = await fleet.router(await says(501), config)
  const { breaker } = lacking.core.backends[0]!
  breaker.failed(lacking.core.now())
  expect((await complete(lacking.url, { prompt: 'x' })).status).toBe(501)
  await expectEnds(lacking, { failed: 1 })
  expect(lacking.stats.retries).toBe(0)
  // A success in between would have to be followed by two failures.
  expect(breaker.failed(lacking.core.now())).toBe(true)
})

test('a prefill worker that is full: another computes the prompt', async () => {
  const [full, ...others] = [
    await fleet.workerThatSays(429, { 'retry-after': '7' }, ['{}']),
    await fleet.workers(2),
  ].flatMap(({ workers }) => workers.map(({ url }) => url))
  const workers = [full!, ...others].map((url, i) => ({
    url,
    role: i < 2 ? ('prefill' as const) : ('decode' as const),
  }))
  const router = await fleet.router([], { workers, algorithm: 'round_robin' })
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(200)
  expect(router.stats.retries).toBe(1)
  const alone = await fleet.router([], { workers: [workers[0]!, workers[2]!] })
  const asked = { method: 'POST', body: JSON.stringify({ prompt: 'x' }) }
  const refused = await fetch(`${alone.url}/v1/completions`, asked)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7'])
  await expectEnds(alone, { rejected: 1 })
})

test('more requests under way than there may be get 503 and are told when to come again', async () => {
  const router = await fleet.router([await fleet.workers(1)], { max_in_flight: 1 })
  const first = complete(router.url, { prompt: 'x', max_tokens: 100 })
  await until(() => router.stats.inFlight === 1)
  const body = JSON.stringify({ prompt: 'x' })
  const second = await fetch(`${router.url}/v1/completions`, { method: 'POST', body })
  expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1'])
  expect((await first).status).toBe(200)
  await expectEnds(router, { completed: 1, rejected: 1 })
})

test('a request that the algorithm holds waits: until its time, or until it is released', async () => {
  const timed = algorithmFile(`{
    asked: 0,
    name: 'own',
    route(request, cluster) {
      if (this.asked++ === 0) return { kind: 'hold', untilMs: cluster.nowMs + 150 }
      return cluster.backends[0]
    },
  }`)
  const one = await fleet.router([await fleet.workers(1)], { algorithm: timed })
  const startMs = performance.now()
  expect((await complete(one.url, { prompt: 'x' })).status).toBe(200)
  expect(performance.now() - startMs).toBeGreaterThan(145)
  await expectEnds(one, { completed: 1 })

  // Holds the first, and lets it go when a second comes.
  const paired = algorithmFile(`{
    held: undefined,
    name: 'own',
    route(request, cluster) {
      if (this.held === undefined) {
        this.held = request.id
        return { kind: 'hold', untilMs: Infinity }
      }
      cluster.release(this.held, cluster.backends[0])
      return cluster.backends[0]
    },
  }`)
  const two = await fleet.router([await fleet.workers(1)], { algorithm: paired })
  const held = complete(two.url, { prompt: 'x' })
  await until(() => two.core.held.size === 1)
  expect((await complete(two.url, { prompt: 'y' })).status).toBe(200)
  expect((await held).status).toBe(200)
  await expectEnds(two, { completed: 2 })
})

test('a client that goes away while its request is held is forgotten', async () => {
  const never = algorithmFile(`{ name: 'own', route: () => ({ kind: 'hold', untilMs: Infinity }) }`)
  const router = await fleet.router([await fleet.workers(1)], { algorithm: never })
  const abort = new AbortController()
  const request = fetch(`${router.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'x' }),
    signal: abort.signal,
  })
  await until(() => router.core.held.size === 1)
  abort.abort()
  await expect(request).rejects.toThrow()
  await expectEnds(router, { cancelled: 1 })
  expect(router.core.held.size).toBe(0)
})

test('a worker that fails and says no more than its status is told by that, however late the rest is', async () => {
  const empty = await fleet.router([await fleet.rawWorker(503)])
  const said = await complete(empty.url, { prompt: 'x' })
  expect(said).toMatchObject({
    status: 502,
    json: { error: { message: 'no worker answered (status 503)' } },
  })
  const endless = Array.from({ length: 200 }, () => 'x')
  const late = await fleet.router(
    [await fleet.rawWorker(500, ...endless), await fleet.workers(1)],
    {
      algorithm: 'round_robin',
    },
  )
  expect((await complete(late.url, { prompt: 'x' })).status).toBe(200)
  expect([...late.core.backends[0]!.failuresByReason]).toEqual([['status 500', 1]])
})
