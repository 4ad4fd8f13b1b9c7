// What a router throws, whichever of its functions it is in, comes with its name, the function and the request.
import { leastBy } from '@routesim/algorithms'
import {
  type BackendView,
  disaggregate,
  hold,
  prefillOn,
  RouteSimError,
  type RoutingAlgorithm,
} from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { backend, inTurn, seeing, type TinyRun, tinyRun } from '../testing/tiny-run.js'

type Hook = Exclude<keyof RoutingAlgorithm, 'name' | 'migrates' | 'progressIntervalMs'>

/** A run in which a hook is called, given the rest of the router. */
interface Story {
  readonly hook: Hook
  /** What it is called for. */
  readonly request?: number
  readonly router?: Partial<RoutingAlgorithm>
  readonly run?: Partial<TinyRun>
}

const requests = [{ outputTokens: 20 }]
const pair = [backend({ role: 'prefill' }), backend({ role: 'decode' })]
const two = [backend(), backend()]

const stories: readonly Story[] = [
  { hook: 'route', request: 0 },
  {
    hook: 'routeDecode',
    request: 0,
    router: { route: (_request, { backends }) => prefillOn(backends[0]!) },
    run: { backends: pair },
  },
  { hook: 'onDispatched', request: 0 },
  {
    hook: 'onHandedOver',
    request: 0,
    router: { route: (_request, { backends }) => disaggregate(backends[0]!, backends[1]!) },
    run: { backends: pair },
  },
  { hook: 'onFirstToken', request: 0 },
  { hook: 'onFinished', request: 0 },
  {
    hook: 'onAbandoned',
    request: 0,
    router: { route: () => hold() },
    run: { timeoutMs: 5 },
  },
  { hook: 'onProgress', request: 0, router: { progressIntervalMs: 1 } },
  {
    hook: 'onMigrated',
    request: 0,
    router: {
      migrates: true,
      route: (_request, { backends }) => backends[0]!,
      onFirstToken: ({ id }, _backend, cluster) => cluster.migrate(id, cluster.backends[1]!),
    },
    run: { backends: two },
  },
  {
    hook: 'onReply',
    router: {
      onFirstToken: (_request, { id }, cluster) => cluster.query(cluster.backends[id]!, 'how'),
    },
  },
  {
    hook: 'onTimer',
    router: { onFirstToken: (_request, _backend, cluster) => cluster.timer('soon', 1) },
  },
  {
    hook: 'onMetrics',
    run: { visibility: seeing({ metrics: { intervalMs: 5, delayMs: 1, dropProbability: 0 } }) },
  },
  {
    hook: 'onKvEvents',
    run: {
      requests: [{ shared: 'system', sharedTokens: 64, outputTokens: 20 }],
      visibility: seeing({
        prefixes: { delayMs: 1, lossProbability: 0, startsEmpty: true, clearsOnRestart: true },
      }),
    },
  },
  { hook: 'onBackendChange', run: { events: [{ kind: 'fail', backend: 0, atMs: 1 }] } },
  { hook: 'customMetrics' },
]

function failing(story: Story, thrown: unknown): () => void {
  return running(story, () => {
    throw thrown
  })
}

function running({ hook, router, run }: Story, broken: () => unknown): () => void {
  const whole: RoutingAlgorithm = { ...inTurn(), ...router, name: 'broken', [hook]: broken }
  return () => void tinyRun({ requests, ...run, router: whole })
}

describe.each(stories)('$hook', (story) => {
  const { hook, request } = story
  const place = request === undefined ? `${hook}()` : `${hook}() for request ${request}`

  test('that throws', () => {
    const cause = new TypeError('oops')
    expect(failing(story, cause)).toThrow(
      expect.objectContaining({
        code: 'router_failed',
        message: `router "broken" threw in ${place}: TypeError: oops`,
        cause,
      }),
    )
  })

  test('that is async is refused, and what its promise ends with kills nobody', async () => {
    const run = running(story, async () => {
      throw new Error('too late')
    })
    expect(run).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^router "broken": .*got a promise$/),
      }),
    )
    await new Promise(setImmediate)
  })

  test('with an error that says what is wrong, but not with whom', () => {
    const cause = new RouteSimError('score of it', {
      code: 'score_invalid',
      path: 'it',
      hint: 'Look.',
    })
    expect(failing(story, cause)).toThrow(
      expect.objectContaining({
        code: 'score_invalid',
        message: `router "broken": ${place}: score of it`,
        path: 'it',
        hint: 'Look.',
        cause,
      }),
    )
  })
})

test('one of several routers that throws is named', () => {
  const customMetrics = (): never => {
    throw new Error('no numbers')
  }
  const routers = { replicas: 2, split: 'random', syncMs: 0 } as const
  expect(() =>
    tinyRun({
      requests,
      visibility: seeing({ routers }),
      router: [inTurn(), { ...inTurn(), name: 'second', customMetrics }],
    }),
  ).toThrow('router "second" threw in customMetrics(): Error: no numbers')
})

test('a figure of its own that is no number is named', () => {
  const customMetrics = () => ({ size: 1, last_seen_ms: undefined as unknown as number })
  expect(() => tinyRun({ requests, router: { ...inTurn(), name: 'own', customMetrics } })).toThrow(
    'router "own": customMetrics(): last_seen_ms: expected a number, got undefined',
  )
})

test('a score that is none comes with router and request', () => {
  const route: RoutingAlgorithm['route'] = (_request, cluster) =>
    leastBy(cluster, (each) => (each as unknown as { load: number }).load)
  expect(() => tinyRun({ requests, router: { name: 'typo', route } })).toThrow(
    'router "typo": route() for request 0: score of backend 0: expected a number, got undefined',
  )
})

test('what the engine says of a router is not said twice', () => {
  const route: RoutingAlgorithm['route'] = (_request, cluster) => {
    cluster.timer('now', 0)
    return hold()
  }
  expect(() => tinyRun({ requests, router: { name: 'hasty', route } })).toThrow(
    /^router "hasty": timer\("now"\): expected a delay > 0 ms, got 0$/,
  )
})

test.each([
  ['sorts', (backends: readonly BackendView[]) => (backends as BackendView[]).sort(() => -1)],
  ['adds to', (backends: readonly BackendView[]) => (backends as BackendView[]).push(backends[0]!)],
])('a router that %s the list of backends is told to change a copy', (_, change) => {
  const router: RoutingAlgorithm = {
    name: 'mine',
    route(_request, { backends }) {
      change(backends)
      return backends[0]!
    },
  }
  const run = () => tinyRun({ requests, backends: two, router })
  expect(run).toThrow(
    expect.objectContaining({
      code: 'router_failed',
      message:
        'router "mine": route() for request 0: cluster.backends: expected the list as it was given, got another order or length',
      hint: expect.stringContaining('Change a copy'),
    }),
  )
})
