// What routers get to see, and when: metrics, KV events, several routers, time to decide.
import {
  type BackendView,
  type ClusterView,
  disaggregate,
  type KvEvent,
  type RequestView,
  type RoutingAlgorithm,
  Simulation,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import {
  backend,
  inTurn,
  STEPPERS,
  seeing,
  tinyRun,
  tinyTable,
  ttftMs,
} from '../testing/tiny-run.js'

/** Always the first backend, noting what it sees of it. */
function watcher<T>(look: (view: BackendView, cluster: ClusterView, request: RequestView) => T) {
  const seen: T[] = []
  const router: RoutingAlgorithm = {
    name: 'watcher',
    route(request, cluster) {
      seen.push(look(cluster.backends[0]!, cluster, request))
      return cluster.backends[0]!
    },
  }
  return { seen, router }
}

const polled = (intervalMs: number, delayMs = 0, dropProbability = 0) =>
  seeing({ metrics: { intervalMs, delayMs, dropProbability } })
const at = (...times: number[]) => times.map((arrivalMs) => ({ arrivalMs, outputTokens: 50 }))

describe('metrics', () => {
  test('are those of the last sample, with its age; own requests are counted exactly', () => {
    const { seen, router } = watcher((view, { nowMs, columns }) => [
      nowMs,
      view.metricsAgeMs,
      view.waiting + view.running,
      view.outstanding,
      view.sentSinceSample,
      columns.outstanding[0],
    ])
    tinyRun({ requests: at(0, 10, 60, 110, 140), router, visibility: polled(100) })
    expect(seen).toEqual([
      [0, 0, 0, 0, 0, 0],
      [10, 10, 0, 1, 1, 1],
      [60, 60, 0, 2, 2, 2],
      [110, 10, 3, 3, 0, 3],
      [140, 40, 3, 4, 1, 4],
    ])
  })

  test('come later when they are delayed', () => {
    const { seen, router } = watcher((view, { nowMs }) => [
      nowMs,
      view.metricsAgeMs,
      view.running,
      view.sentSinceSample,
    ])
    tinyRun({ requests: at(0, 50, 120, 131), router, visibility: polled(100, 30) })
    expect(seen).toEqual([
      [0, Number.POSITIVE_INFINITY, 0, 0],
      [50, 50, 0, 1],
      [120, 120, 0, 2],
      [131, 31, 2, 1],
    ])
  })

  test('that are lost leave the ones before in their place', () => {
    const { seen, router } = watcher(({ metricsAgeMs, running }) => [metricsAgeMs, running])
    tinyRun({ requests: at(0, 150), router, visibility: polled(100, 0, 1) })
    expect(seen).toEqual([
      [Number.POSITIVE_INFINITY, 0],
      [Number.POSITIVE_INFINITY, 0],
    ])
  })

  test('of a backend that is down can not be sampled: those before grow old', () => {
    const { seen, router } = watcher(({ metricsAgeMs, running }) => [metricsAgeMs, running])
    const told: number[] = []
    tinyRun({
      requests: at(0, 150, 250, 350),
      router: { ...router, onMetrics: (_, { nowMs }) => void told.push(nowMs) },
      visibility: polled(100),
      events: [
        { atMs: 120, backend: 0, kind: 'fail' },
        { atMs: 260, backend: 0, kind: 'recover' },
      ],
    })
    expect(seen).toEqual([
      [0, 0],
      [50, 1],
      [150, 1],
      [50, 0],
    ])
    expect(told.slice(0, 3)).toEqual([0, 100, 300])
  })

  test('that there are none of are replaced by the counts of own requests, as live', () => {
    const { seen, router } = watcher((view, cluster) => [
      view.waiting,
      view.running,
      view.kvUsage,
      cluster.kvUsages()[0],
      view.metricsAgeMs,
      view.sentSinceSample,
      view.outstanding,
      view.pendingPromptTokens,
    ])
    const backends = [backend({ kv: { blocks: 100, blockTokens: 10 } })]
    const visibility = seeing({ metrics: 'none' })
    const requests = [{ maxTokens: 100 }, { arrivalMs: 1 }, { arrivalMs: 40 }, { arrivalMs: 5000 }]
    const story = requests.map((request) => ({ outputTokens: 50, ...request }))
    tinyRun({ requests: story, backends, router, visibility })
    expect(seen).toEqual([
      [0, 0, 0, 0, 0, 0, 0, 0],
      // Prompts of 100 tokens each; the first asks for 100 more.
      [1, 0, 0.2, 0.2, 0, 0, 1, 100],
      [0, 2, 0.3, 0.3, 0, 0, 2, 0],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ])
  })

  test('that there are none of: a queue is as full as own requests make it', () => {
    const { seen, router } = watcher(({ available }) => available)
    const backends = [backend({ maxQueueDepth: 2 })]
    tinyRun({
      requests: at(0, 0, 0, 40),
      backends,
      router,
      visibility: seeing({ metrics: 'none' }),
    })
    expect(seen).toEqual([true, true, false, true])
  })

  test('that there are none of: a prompt that moves is counted where it goes', () => {
    const seen: number[][] = []
    const look = ({ backends }: ClusterView) =>
      void seen.push(
        backends.flatMap(({ waiting, running, kvUsage }) => [waiting, running, kvUsage]),
      )
    const backends = (['prefill', 'decode'] as const).map((role) =>
      backend({ role, kv: { blocks: 100, blockTokens: 10 } }),
    )
    const router: RoutingAlgorithm = {
      name: 'pair',
      route: (_, cluster) => disaggregate(cluster.backends[0]!, cluster.backends[1]!),
      onDispatched: (_, __, cluster) => look(cluster),
      onHandedOver: (_, __, cluster) => look(cluster),
      onFinished: (_, __, cluster) => look(cluster),
    }
    tinyRun({ requests: at(0), backends, router, visibility: seeing({ metrics: 'none' }) })
    expect(seen).toEqual([
      [1, 0, 0.1, 0, 0, 0],
      [0, 0, 0, 0, 1, 0.1],
      [0, 0, 0, 0, 0, 0],
    ])
  })

  test('that are exact have no requests after them, whatever else is late', () => {
    const { seen, router } = watcher(({ sentSinceSample, metricsAgeMs }) => [
      sentSinceSample,
      metricsAgeMs,
    ])
    const visibility = seeing({ decision: { fixedMs: 1, perTokenMs: 0 } })
    tinyRun({ requests: at(0, 10), router, visibility })
    expect(seen).toEqual([
      [0, 0],
      [0, 0],
    ])
  })

  test('of KV usage are sampled with the others', () => {
    const { seen, router } = watcher(({ kvUsage }, cluster) => [kvUsage, cluster.kvUsages()[0]])
    const backends = [backend({ kv: { blocks: 100, blockTokens: 10 } })]
    tinyRun({ requests: at(0, 99, 100), backends, router, visibility: polled(100) })
    const [, before, after] = seen
    expect(before).toEqual([0, 0])
    expect(after![0]).toBeGreaterThan(0.1)
    expect(after![1]).toBe(after![0])
  })

  test('are not polled for ever: a run ends with its last request', () => {
    const run = tinyRun({ requests: at(0), visibility: polled(1) })
    expect(run.complete).toBe(true)
    expect(run.visibility).toBe('by hand')
  })
})

describe('KV events', () => {
  const shared = { shared: 'system', sharedTokens: 64, promptTokens: 100, outputTokens: 2 }
  const events = { delayMs: 0, lossProbability: 0, startsEmpty: false, clearsOnRestart: true }
  const matched = () =>
    watcher((_view, cluster, request) => [cluster.nowMs, cluster.prefixMatch(request)[0]])

  test('tell of a prefix as late as they come', () => {
    const prefixes = { ...events, delayMs: 30 }
    const requests = [0, 5, 31, 33].map((arrivalMs) => ({ ...shared, arrivalMs }))
    const { seen, router } = matched()
    const run = tinyRun({ requests, router, visibility: seeing({ prefixes }) })
    expect(run.outcomes.firstTokenMs[0]).toBe(2)
    expect(seen.map(([, tokens]) => tokens)).toEqual([0, 0, 0, 64])
  })

  test('that are lost, or none, leave a router blind', () => {
    const requests = [0, 200].map((arrivalMs) => ({ ...shared, arrivalMs }))
    for (const prefixes of ['none', { ...events, lossProbability: 1 }] as const) {
      const { seen, router } = matched()
      const run = tinyRun({ requests, router, visibility: seeing({ prefixes }) })
      expect(seen[1]).toEqual([200, 0])
      expect(run.outcomes.cachedTokens[1]).toBe(64)
    }
  })

  test('of the warm-up are missed by a router that starts after it', () => {
    const requests = [0, 200, 400].map((arrivalMs) => ({ ...shared, arrivalMs }))
    const visibility = seeing({ prefixes: { ...events, startsEmpty: true } })
    const { seen, router } = matched()
    tinyRun({ requests, router, visibility, warmupRequests: 1 })
    // The prefix is not announced again, as it was there all along.
    expect(seen.map(([, tokens]) => tokens)).toEqual([0, 0, 0])
  })

  test.each(STEPPERS)('reach the router itself: %s', (stepper) => {
    const log: [number, readonly KvEvent[]][] = []
    const router: RoutingAlgorithm = {
      ...inTurn(),
      onKvEvents: (_backend, told, { nowMs }) => log.push([nowMs, told]),
    }
    const backends = [backend({ kv: { blocks: 8, blockTokens: 16 } })]
    const requests = [shared, { ...shared, arrivalMs: 200, shared: 'other' }]
    const visibility = seeing({ prefixes: events })
    const run = tinyRun({ requests, backends, router, visibility, stepper })
    const [first, second] = run.outcomes.firstTokenMs
    const kinds = log.map(([timeMs, told]) => [timeMs, [...new Set(told.map((e) => e.kind))]])
    expect(kinds).toEqual([
      [first, ['stored']],
      [200, ['removed']],
      [second, ['stored']],
    ])
    expect(tokensOf(log[0]![1])).toEqual(new Map([[0, 64]]))
    expect(tokensOf(log[2]![1])).toEqual(new Map([[1, 64]]))
  })

  test.each(STEPPERS)('do not say that blocks are gone which another rank has: %s', (stepper) => {
    const log: string[] = []
    const router: RoutingAlgorithm = {
      ...inTurn(),
      onKvEvents: (_backend, told, { nowMs }) => {
        for (const { kind } of told) log.push(`${kind} ${nowMs < 1000 ? 'before' : 'after'}`)
      },
    }
    // The prefix is on both ranks; then the first has no room for it, and then neither has.
    const backends = [backend({ dp: 2, kv: { blocks: 8, blockTokens: 16 } })]
    const large = { promptTokens: 128 }
    const requests = [shared, shared, { ...large, arrivalMs: 500 }, { ...large, arrivalMs: 1000 }]
    requests.push({ ...large, arrivalMs: 1000 })
    tinyRun({ requests, backends, router, visibility: seeing({ prefixes: events }), stepper })
    expect(new Set(log)).toEqual(new Set(['stored before', 'removed after']))
  })

  function tokensOf(told: readonly KvEvent[]): Map<number, number> {
    const tokens = new Map<number, number>()
    for (const event of told) {
      if (event.kind === 'cleared') continue
      const size = event.toTokens - event.fromTokens
      tokens.set(event.id, (tokens.get(event.id) ?? 0) + size)
    }
    return tokens
  }
})

test('what is due at one instant comes in the order that is documented', () => {
  const log: string[] = []
  const note = (what: string): void => {
    log.push(what)
  }
  const router: RoutingAlgorithm = {
    name: 'listener',
    route(request, cluster) {
      note(`route ${request.id}`)
      if (request.id === 0) cluster.timer('timer', 20)
      return cluster.backends[0]!
    },
    onFinished: ({ id }) => note(`finished ${id}`),
    onMetrics: () => note('metrics'),
    onKvEvents: () => note('kv'),
    onTimer: note,
  }
  // One step of 20 ms, as a prompt of 1,000 tokens takes.
  tinyRun({
    requests: [
      { promptTokens: 1000, shared: 'all' },
      { arrivalMs: 20, promptTokens: 1000 },
    ],
    router,
    visibility: seeing({
      metrics: { intervalMs: 20, delayMs: 0, dropProbability: 0 },
      prefixes: { delayMs: 0, lossProbability: 0, startsEmpty: false, clearsOnRestart: true },
    }),
  })
  expect(log).toEqual([
    'metrics',
    'route 0',
    'finished 0',
    'metrics',
    'kv',
    'timer',
    'route 1',
    'finished 1',
  ])
})

describe('several routers', () => {
  const split = (routing: 'random' | 'round_robin' | 'session', syncMs = 0) =>
    seeing({ routers: { replicas: 2, split: routing, syncMs } })
  /** Two routers that note which requests they were asked about, and what they had outstanding. */
  function two() {
    const seen: [router: number, request: number, outstanding: number][] = []
    const router = [0, 1].map(
      (number): RoutingAlgorithm => ({
        name: 'one of two',
        route(request, { backends }) {
          seen.push([number, request.id, backends[0]!.outstanding])
          return backends[0]!
        },
        customMetrics: () => ({ number }),
      }),
    )
    return { seen, router }
  }

  test('count their own requests only', () => {
    const { seen, router } = two()
    const run = tinyRun({ requests: at(0, 1, 2, 3), router, visibility: split('round_robin') })
    expect(seen).toEqual([
      [0, 0, 0],
      [1, 1, 0],
      [0, 2, 1],
      [1, 3, 1],
    ])
    expect(run.customMetrics).toEqual({ router_0_number: 0, router_1_number: 1 })
  })

  test('that tell each other know all of it', () => {
    const { seen, router } = two()
    const visibility = split('round_robin', 10)
    tinyRun({ requests: at(0, 1, 11, 12), router, visibility })
    expect(seen.map(([, , outstanding]) => outstanding)).toEqual([0, 0, 2, 2])
  })

  test('that tell each other stand in for metrics with the counts of all', () => {
    const seen: [waiting: number, running: number, kvUsage: number][] = []
    const router = [0, 1].map(
      (): RoutingAlgorithm => ({
        name: 'one of two',
        route(_, { backends }) {
          const [{ waiting, running, kvUsage }] = backends as readonly [BackendView]
          seen.push([waiting, running, kvUsage])
          return backends[0]!
        },
      }),
    )
    const backends = [backend({ kv: { blocks: 100, blockTokens: 10 } })]
    const visibility = { ...split('round_robin', 10), metrics: 'none' } as const
    tinyRun({ requests: at(0, 1, 10, 10, 11, 12), backends, router, visibility })
    expect(seen).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      // The first has its token in this instant, the second waits. Each knows of its own third one only.
      [1, 1, 0.2],
      [1, 1, 0.2],
      [2, 1, 0.3],
      [2, 1, 0.3],
    ])
  })

  test('keep sessions apart', () => {
    const { seen, router } = two()
    const requests = at(0, 1, 2, 3, 4, 5, 6, 7).map((request, i) => ({
      ...request,
      session: `s${i % 4}`,
    }))
    tinyRun({ requests, router, visibility: split('session') })
    const routers = seen.map(([number]) => number)
    expect(routers.slice(4)).toEqual(routers.slice(0, 4))
    expect(new Set(routers).size).toBe(2)
  })

  test('must be as many as the scenario says', () => {
    expect(() => tinyRun({ requests: at(0), visibility: split('random') })).toThrow(
      'router: expected 2 of them, got 1',
    )
  })
})

describe('time to decide', () => {
  test('counts into TTFT, and the decision sees what is true by then', () => {
    const { seen, router } = watcher((view, { nowMs }) => [nowMs, view.outstanding])
    const visibility = seeing({ decision: { fixedMs: 2, perTokenMs: 0.01 } })
    const requests = [{ promptTokens: 500 }, { arrivalMs: 1, promptTokens: 500 }]
    const run = tinyRun({ requests, router, visibility })
    expect(seen).toEqual([
      [7, 0],
      [8, 1],
    ])
    expect(ttftMs(run, 0) - ttftMs(tinyRun({ requests }), 0)).toBeCloseTo(7, 9)
  })
})

describe('estimated lengths', () => {
  test('are off by a factor, the same for every algorithm', () => {
    const lengths = () => {
      const { seen, router } = watcher((_view, _cluster, { promptTokens }) => promptTokens)
      const requests = Array.from({ length: 400 }, (_, arrivalMs) => ({ arrivalMs }))
      tinyRun({ requests, router, visibility: seeing({ tokenError: 0.2 }) })
      return seen
    }
    const seen = lengths()
    expect(lengths()).toEqual(seen)
    const logs = seen.map((tokens) => Math.log(tokens / 100))
    const mean = logs.reduce((sum, x) => sum + x, 0) / logs.length
    const variance = logs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / logs.length
    expect(mean).toBeCloseTo(0, 1)
    expect(Math.sqrt(variance)).toBeCloseTo(0.2, 1)
  })
})

test('custom KV caches that tell nothing can not have KV events', () => {
  const prefixes = { delayMs: 0, lossProbability: 0, startsEmpty: false, clearsOnRestart: true }
  const make = () =>
    new Simulation({
      cluster: {
        backends: [backend()],
        kvCache: (...args) => Object.assign(radixKvCache()(...args), { listen: undefined }),
      },
      requests: tinyTable(at(0)),
      router: inTurn(),
      seed: 1,
      visibility: seeing({ prefixes }),
    })
  expect(make).toThrow(expect.objectContaining({ code: 'options_invalid' }))
})
