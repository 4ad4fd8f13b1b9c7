import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { until } from '../testing/until.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const HOOKS = [
  'onDispatched',
  'onFirstToken',
  'onProgress',
  'onFinished',
  'onTimer',
  'onReply',
  'onMetrics',
  'onBackendChange',
  'onKvEvents',
]

test.each([
  ['throws', ''],
  ['rejects', 'async '],
])(
  'an algorithm that %s at all it is told breaks no request, and each fault is logged',
  async (_, async) => {
    const hooks = HOOKS.map(
      (name) => `${async}${name}() { throw { name: '${name}', __proto__: Error.prototype } }`,
    )
    const algorithm = algorithmFile(`{
    name: 'own',
    progressIntervalMs: 5,
    route(request, cluster) {
      cluster.timer('t', 1)
      cluster.query(cluster.backends[0], 'q')
      return cluster.backends[0]
    },
    ${hooks.join(',\n    ')},
  }`)
    const mocks = await fleet.workers(1, {
      kvEvents: { port: 0, replayPort: 0, topic: '', bufferedBatches: 100 },
    })
    const faults = new Set<string>()
    const router = await fleet.router(
      [mocks],
      { algorithm, metrics_interval_ms: 20, kv_index: 'events', block_tokens: 16 },
      {
        onLog: ({ event, what }) => {
          const hook = /^router "own" threw in (\w+)\(\)(?: for request \d+)?: \1$/
          if (event === 'fault') faults.add(hook.exec(String(what))?.[1] ?? String(what))
        },
      },
    )
    const prompt = 'Once upon a time. '.repeat(20)
    // On a busy machine an answer may come at once, without progress.
    await until(async () => {
      const { status } = await complete(router.url, { prompt, stream: true, max_tokens: 50 })
      expect(status).toBe(200)
      return faults.size === HOOKS.length
    })
    expect([...faults].sort()).toEqual([...HOOKS].sort())
    await until(() => router.stats.inFlight === 0)
    expect(router.stats.ends.completed).toBe(router.stats.begun)
    expect(router.core.backends[0]!.failures).toBe(0)
  },
)

test('a fault is told with its message, and with the line of the file that it came about in', async () => {
  const faults: string[] = []
  const algorithm = algorithmFile(`{
    name: 'own',
    route() {
      throw new TypeError('boom')
    },
  }`)
  const router = await fleet.router(
    [await fleet.workers(1)],
    { algorithm },
    { onLog: ({ event, what }) => void (event === 'fault' && faults.push(String(what))) },
  )
  expect((await complete(router.url, { prompt: 'x' })).status).toBe(500)
  expect(faults).toEqual([
    `router "own" threw in route() for request 0: TypeError: boom (${algorithm}:4)`,
  ])
})

test.each([
  ['nothing', 'route() {}', 'undefined'],
  ['a promise that is rejected', "async route() { throw new Error('no') }", 'a promise'],
])(
  'an algorithm that decides on %s is told what a decision is, as in simulations',
  async (_, route, got) => {
    const faults: string[] = []
    const router = await fleet.router(
      [await fleet.workers(1)],
      { algorithm: algorithmFile(`{ name: 'own', ${route} }`) },
      { onLog: ({ event, what }) => void (event === 'fault' && faults.push(String(what))) },
    )
    expect((await complete(router.url, { prompt: 'x' })).status).toBe(500)
    expect(faults).toEqual([
      `router "own": request 0: expected a backend of the cluster, disaggregate(...), prefillOn(...), hold() or reject(...), got ${got}`,
    ])
  },
)
