import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { checkRouterConfig, type RunningRouter, startRouter } from '@routesim/live'
import { afterEach, expect, test } from 'vitest'
import { Publisher, Subscriber } from 'zeromq'
import { BIN, command, ROOT } from '../testing/command.js'
import { until } from '../testing/until.js'

interface Worker {
  readonly url: string
  readonly kvEvents: string
  readonly kvReplay: string
}

const children: ChildProcess[] = []
const routers: RunningRouter[] = []
afterEach(async () => {
  await Promise.all(routers.splice(0).map((router) => router.close(0)))
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A mock worker in a process of its own. */
async function worker(...args: readonly string[]): Promise<Worker & { child: ChildProcess }> {
  const own = ['--num-workers', '1', '--kv-events-port', '0', '--block-size', '16']
  const command = [BIN, 'mock-workers', ...own, '--port', '0', ...args]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.on('exit', () => reject(new Error('the worker ended')))
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk
      if (text.includes('\n')) resolve(text.split('\n')[0]!)
    })
  })
  return { ...(JSON.parse(line) as Worker), child }
}

async function router(
  workers: readonly Worker[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<RunningRouter> {
  const started = await startRouter({
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
    config: checkRouterConfig({
      algorithm: 'round_robin',
      block_tokens: 16,
      health_interval_ms: 100,
      health_timeout_ms: 500,
      breaker_open_ms: 300,
      kv_index: 'events',
      workers: workers.map(({ url, kvEvents, kvReplay }) => ({
        url,
        kv_events: kvEvents,
        kv_replay: kvReplay,
      })),
      ...config,
    }),
  })
  routers.push(started)
  return started
}

function complete(
  { url }: { url: string },
  body: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'Once upon a time. '.repeat(50), max_tokens: 4, ...body }),
    ...(signal === undefined ? {} : { signal }),
  })
}

function nothingIsLeft({ core, stats }: RunningRouter): boolean {
  const held = core.backends.some((b) => b.inFlight + b.pendingTokens + b.heldTokens > 0)
  return stats.inFlight === 0 && !held
}

test('a worker killed amid a stream: the client sees it break off, others go to the other worker', async () => {
  const workers = [await worker(), await worker()]
  const front = await router(workers)
  const response = await complete(front, { stream: true, max_tokens: 2000 })
  const at = Number(response.headers.get('x-routesim-worker'))
  const reader = response.body!.getReader()
  await reader.read()
  workers[at]!.child.kill('SIGKILL')
  await expect(
    (async () => {
      while (!(await reader.read()).done);
    })(),
  ).rejects.toThrow()
  for (let i = 0; i < 6; i++) {
    const next = await complete(front, {})
    expect([next.status, next.headers.get('x-routesim-worker')]).toEqual([200, String(1 - at)])
    await next.text()
  }
  await until(() => nothingIsLeft(front))
  expect(front.stats.ends).toMatchObject({ broken: 1, completed: 6, failed: 0 })
  await until(() => !front.core.backends[at]!.isUp)
})

test('a hung worker: requests time out there before the first byte, and are answered elsewhere', async () => {
  const workers = [await worker(), await worker()]
  const front = await router(workers, { first_byte_timeout_ms: 500 })
  workers[0]!.child.kill('SIGSTOP')
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => complete(front, { stream: true })),
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
  await Promise.all(answers.map((answer) => answer.text()))
  expect(front.stats.retries).toBeGreaterThan(0)
  await until(() => !front.core.backends[0]!.isUp)
  workers[0]!.child.kill('SIGCONT')
  await until(() => front.core.backends[0]!.available)
  expect(nothingIsLeft(front)).toBe(true)
})

test('a worker that restarts with an empty cache: what it had is forgotten', async () => {
  const first = await worker()
  const front = await router([first])
  await (await complete(front, {})).text()
  await until(() => front.core.knowledge.size > 10)
  first.child.kill('SIGKILL')
  await until(() => front.core.knowledge.size === 0)
  expect((await complete(front, {})).status).toBeGreaterThanOrEqual(502)
  const port = (address: string): string => address.split(':').at(-1)!
  await worker(
    ...['--port', port(first.url), '--kv-events-port', port(first.kvEvents)],
    ...['--kv-replay-port', port(first.kvReplay)],
  )
  await until(() => front.core.backends[0]!.available)
  expect(front.core.knowledge.size).toBe(0)
  await (await complete(front, {})).text()
  await until(() => front.core.knowledge.size > 10)
})

/** Passes KV events on, but for every fifth batch, and every seventh after the one that follows it. */
async function lossyRelay(from: string): Promise<{ endpoint: string; close(): void }> {
  const [source, sink] = [new Subscriber({ linger: 0 }), new Publisher({ linger: 0 })]
  source.connect(from)
  source.subscribe()
  await sink.bind('tcp://127.0.0.1:*')
  const relay = async (): Promise<void> => {
    let count = 0
    let late: Buffer[] | undefined
    for await (const frames of source) {
      count++
      if (count % 5 === 0) continue
      if (count % 7 === 0) {
        late = frames
        continue
      }
      await sink.send(frames)
      if (late !== undefined) await sink.send(late)
      late = undefined
    }
  }
  const done = relay()
  return {
    endpoint: sink.lastEndpoint!,
    close: () => {
      source.close()
      void done.finally(() => sink.close())
    },
  }
}

test('KV events that are lost or come in another order: the index is that of a router that heard all', async () => {
  const only = await worker()
  const relay = await lossyRelay(only.kvEvents)
  try {
    const front = await router([{ ...only, kvEvents: relay.endpoint }])
    const other = await router([only])
    const indexes = () => [front.core.knowledge.size, other.core.knowledge.size]
    let sent = 0
    const next = async (): Promise<void> => {
      await (await complete(front, { prompt: `Story ${sent++}. `.repeat(40) })).text()
    }
    while (sent < 40) await next()
    // A batch that was lost is missed when the next one comes.
    await until(async () => {
      const [heard, all] = indexes()
      if (all! > 200 && heard === all) return true
      await next()
      return false
    })
    const metrics = await (await fetch(`${front.adminUrl}/metrics`)).text()
    const count = (kind: string): number =>
      Number(new RegExp(`kv_events_total{kind="${kind}"} (\\d+)`).exec(metrics)?.[1])
    expect(count('gaps')).toBeGreaterThan(5)
    expect(count('malformed')).toBe(0)
  } finally {
    relay.close()
  }
})

test('a router that restarts learns what workers hold', async () => {
  const workers = [await worker(), await worker()]
  const before = await router(workers)
  for (let i = 0; i < 4; i++) await (await complete(before, { prompt: `${i} `.repeat(200) })).text()
  await until(() => before.core.knowledge.size > 20)
  const { size } = before.core.knowledge
  await before.close(1000)
  const after = await router(workers)
  await until(() => after.core.knowledge.size === size)
})

test('clients that go away: nothing of theirs stays on the worker', async () => {
  const only = await worker()
  const front = await router([only])
  const abort = new AbortController()
  const streams = Array.from({ length: 20 }, () =>
    complete(front, { stream: true, max_tokens: 5000 }, abort.signal),
  )
  for (const stream of await Promise.all(streams)) await stream.body!.getReader().read()
  abort.abort()
  await until(() => nothingIsLeft(front))
  expect(front.stats.ends.cancelled).toBe(20)
  await until(async () => {
    const load = (await (await fetch(`${only.url}/load`)).json()) as Record<string, number>
    return load['num_running_reqs'] === 0 && load['kv_cache_usage'] === 0
  })
})

test('random faults: every request ends in one counted state, nothing is left, memory stays', async () => {
  // `node bench/live/soak.mjs` does the same with 100,000 requests.
  const args = [join(ROOT, 'bench/live/soak.mjs'), '--requests', '4000']
  const { code, stdout, stderr } = await command(process.execPath, args)
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/^4000 requests in /m)
})
