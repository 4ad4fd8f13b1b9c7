// What a router may do beside choosing: hold requests and let them go, set timers, hear of both backends
// of a pair, and learn what a request took.
import {
  type BackendView,
  type ClusterView,
  disaggregate,
  hold,
  OUTCOME,
  prefillOn,
  type RoutingAlgorithm,
  reject,
  Simulation,
  tableSource,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import {
  backend,
  inTurn,
  STEPPERS,
  seeing,
  type TinyRun,
  tinyRun,
  tinyTable,
  ttftMs,
} from '../testing/tiny-run.js'

/** Sends a request only to an idle backend; others wait at the router, first come first served. */
function onePerBackend(): RoutingAlgorithm {
  const queue: number[] = []
  const busy = new Set<number>()
  return {
    name: 'one_per_backend',
    route(request, cluster) {
      const idle = cluster.backends.find(({ id }) => !busy.has(id))
      if (idle === undefined) {
        queue.push(request.id)
        return hold()
      }
      busy.add(idle.id)
      return idle
    },
    onFinished(_request, { id }, cluster) {
      busy.delete(id)
      const next = queue.shift()
      if (next === undefined) return
      busy.add(id)
      cluster.release(next, cluster.backends[id]!)
    },
  }
}

const burst = Array.from({ length: 6 }, (_, i) => ({ arrivalMs: i, promptTokens: 500 }))

describe.each(STEPPERS)('%s', (stepper) => {
  test('held requests go when the router says so, and the time counts', () => {
    const backends = [backend(), backend()]
    const run = tinyRun({ requests: burst, backends, router: onePerBackend(), stepper })
    expect([...run.outcomes.outcome].every((state) => state === OUTCOME.completed)).toBe(true)
    // Nobody queues at a backend: each starts when the one before it on its backend has ended.
    const { admittedMs, finishedMs } = run.outcomes
    for (let i = 2; i < burst.length; i++) expect(admittedMs[i]).toBe(finishedMs[i - 2])
    const alone = ttftMs(run, 0)
    expect(ttftMs(run, 5)).toBeCloseTo(3 * alone - 4, 6)
  })

  test('holding for a client that limits what is in flight', () => {
    const options = { requests: burst, stepper, maxInFlight: 2 } as const
    const held = tinyRun({ ...options, router: onePerBackend() })
    expect(held.complete).toBe(true)
    expect(held.sentMs[5]).toBeGreaterThan(burst[5]!.arrivalMs)
  })
})

describe.each(STEPPERS)('%s: what is held and not sent', (stepper) => {
  /** Holds all but the first, until a time. */
  const heard = (untilMs: number, run: Partial<TinyRun>): readonly string[] => {
    const log: string[] = []
    const router: RoutingAlgorithm = {
      name: 'keeper',
      route: ({ id }, { backends }) => (id === 0 ? backends[0]! : hold(untilMs)),
      onAbandoned({ id }, cluster) {
        log.push(`${id}@${cluster.nowMs}`)
        // Too late, and no mistake.
        cluster.release(id, cluster.backends[0] ?? reject('nobody'))
      },
    }
    const { outcomes, rejectReasons } = tinyRun({ requests, router, stepper, ...run })
    const reasons = Array.from(outcomes.rejectReason, (reason) => rejectReasons[reason] ?? 'none')
    return [...log, ...reasons]
  }
  const requests = [{}, { arrivalMs: 1 }, { arrivalMs: 2 }]

  test('because clients wait no longer', () => {
    const told = ['1@51', '2@52', 'none', 'timeout', 'timeout']
    expect(heard(Number.POSITIVE_INFINITY, { timeoutMs: 50 })).toEqual(told)
    expect(heard(1000, { timeoutMs: 50 })).toEqual(told)
  })

  test('because nothing would make the router let it go', () => {
    const [first, second, ...reasons] = heard(Number.POSITIVE_INFINITY, {})
    expect([first, second]).toEqual([expect.stringMatching(/^1@/), expect.stringMatching(/^2@/)])
    expect(reasons).toEqual(['none', 'held_forever', 'held_forever'])
  })

  test('because no backend is left as the router is to be asked again', () => {
    const events = [{ kind: 'remove', backend: 0, atMs: 30 }] as const
    expect(heard(40, { events })).toEqual(['1@40', '2@40', 'none', 'no_backend', 'no_backend'])
  })
})

test('what is held may come from a source', () => {
  const ended: number[] = []
  const simulation = new Simulation({
    cluster: { backends: [backend()], kvCache: radixKvCache() },
    requests: tableSource(tinyTable(burst)),
    router: onePerBackend(),
    seed: 1,
    recorder: { requestEnded: (row, { arrivalMs }) => ended.push(arrivalMs[row]!) },
  })
  while (!simulation.run());
  expect(ended).toEqual([0, 1, 2, 3, 4, 5])
})

test('a router is asked again at the time it names', () => {
  const asked: number[] = []
  const router: RoutingAlgorithm = {
    name: 'patient',
    route(_request, { nowMs, backends }) {
      asked.push(nowMs)
      return asked.length < 3 ? hold(nowMs + 10) : backends[0]!
    },
  }
  const run = tinyRun({ requests: [{ arrivalMs: 5 }], router })
  expect(asked).toEqual([5, 15, 25])
  expect(run.outcomes.admittedMs[0]).toBe(25)
})

test('who is released before that time is not asked again', () => {
  let asked = 0
  const router: RoutingAlgorithm = {
    name: 'impatient',
    route(_request, cluster) {
      asked++
      cluster.timer('go', 3)
      return hold(cluster.nowMs + 10)
    },
    onTimer: (_id, cluster) => cluster.release(0, cluster.backends[0]!),
  }
  const run = tinyRun({ requests: [{ arrivalMs: 5 }], router })
  expect(run.outcomes.admittedMs[0]).toBe(8)
  expect(asked).toBe(1)
})

describe('requests that nobody lets go', () => {
  const forgetful: RoutingAlgorithm = { name: 'forgetful', route: () => hold() }

  test('are rejected, and counted, when nothing else is to come', () => {
    const run = tinyRun({ requests: burst, router: forgetful })
    expect([...run.outcomes.outcome]).toEqual(burst.map(() => OUTCOME.rejected))
    expect(run.rejectReasons).toEqual(['held_forever'])
    expect(run.endMs).toBe(5)
  })

  test('are rejected after an hour in which only timers go off', () => {
    const ticking: RoutingAlgorithm = {
      name: 'ticking',
      route(_request, cluster) {
        cluster.timer('tick', 60_000)
        return hold()
      },
      onTimer: (id, cluster) => cluster.timer(id, 60_000),
    }
    const run = tinyRun({ requests: burst, router: ticking })
    expect(run.rejectReasons).toEqual(['held_forever'])
    expect(run.endMs).toBe(3_600_005)
  })

  test('may be let go by a timer that takes longer than that', () => {
    const slow: RoutingAlgorithm = {
      name: 'slow',
      route(_request, cluster) {
        cluster.timer('late', 2 * 3_600_000)
        return hold()
      },
      onTimer: (_id, cluster) => cluster.release(0, cluster.backends[0]!),
    }
    expect(tinyRun({ requests: [{}], router: slow }).outcomes.admittedMs[0]).toBe(7_200_000)
  })

  const hour = 3_600_000

  test.each([
    ['by the time of a hold', (cluster: ClusterView) => hold(cluster.nowMs + 60_000), undefined],
    [
      'by a timer',
      (cluster: ClusterView) => {
        cluster.timer('again', 60_000)
        return hold()
      },
      (_id: string, cluster: ClusterView) => {
        cluster.timer('again', 60_000)
        cluster.release(0, hold(cluster.nowMs))
      },
    ],
  ])('are rejected after an hour of asking again in vain, %s', (_, route, onTimer) => {
    let asked = 0
    const router: RoutingAlgorithm = {
      name: 'waiting',
      route(_request, cluster) {
        if (++asked > 200) throw new Error('still asked')
        return cluster.backends.find(({ available }) => available) ?? route(cluster)
      },
      ...(onTimer && { onTimer }),
    }
    const run = tinyRun({
      requests: [{}],
      router,
      events: [{ kind: 'fail', backend: 0, atMs: 0 }],
    })
    expect(run.rejectReasons).toEqual(['held_forever'])
    expect(run.endMs).toBeGreaterThanOrEqual(hour)
    expect(run.endMs).toBeLessThan(hour + 300_000)
  })

  test('may be asked about again later than that, while metrics are polled', () => {
    const nightly: RoutingAlgorithm = {
      name: 'nightly',
      route: (_request, { nowMs, backends }) => (nowMs < 2 * hour ? hold(2 * hour) : backends[0]!),
    }
    const metrics = { intervalMs: 60_000, delayMs: 0, dropProbability: 0 }
    const run = tinyRun({ requests: [{}], router: nightly, visibility: seeing({ metrics }) })
    expect(run.outcomes.admittedMs[0]).toBe(2 * hour)
  })

  test('have an hour from when they came, however long nothing came before', () => {
    let ticks = 0
    const patient: RoutingAlgorithm = {
      name: 'patient',
      route(_request, cluster) {
        cluster.timer('tick', 10)
        return hold()
      },
      onTimer(id, cluster) {
        if (++ticks % 5 === 0) cluster.release(ticks / 5 - 1, cluster.backends[0]!)
        else cluster.timer(id, 10)
      },
    }
    const run = tinyRun({ requests: [{}, { arrivalMs: 3 * hour }], router: patient })
    expect([...run.outcomes.admittedMs]).toEqual([50, 3 * hour + 50])
  })
})

test('a timer set anew counts once, and one that is set for ever does not keep a run going', () => {
  const log: string[] = []
  const router: RoutingAlgorithm = {
    name: 'timers',
    route(_request, cluster) {
      cluster.timer('late', 5)
      cluster.timer('late', 20)
      cluster.timer('first', 7)
      cluster.timer('second', 7)
      return cluster.backends[0]!
    },
    onTimer(id, cluster) {
      log.push(`${id} at ${cluster.nowMs}`)
      if (log.length < 1000) cluster.timer(id, 20)
    },
  }
  const run = tinyRun({ requests: [{ promptTokens: 1000 }], router })
  expect(run.complete).toBe(true)
  expect(run.endMs).toBe(20)
  // The step ends at 20, before the timer of that instant would go off.
  expect(log).toEqual(['first at 7', 'second at 7'])
})

describe('a router hears', () => {
  test('which backends a pair consists of, and what a request took', () => {
    const log: unknown[] = []
    const id = ({ id }: BackendView): number => id
    const router: RoutingAlgorithm = {
      name: 'listener',
      route: (_request, { backends }) => disaggregate(backends[0]!, backends[1]!),
      onDispatched: (_request, prefill, _cluster, decode) => log.push([id(prefill), id(decode)]),
      onFinished: (_request, last, _cluster, { completed, outputTokens, ttftMs, e2eMs }) =>
        log.push({ on: id(last), completed, outputTokens, ttftMs, e2eMs }),
    }
    const backends = [backend({ role: 'prefill' }), backend({ role: 'decode' })]
    const run = tinyRun({ requests: [{ arrivalMs: 7, outputTokens: 3 }], backends, router })
    const { firstTokenMs, finishedMs } = run.outcomes
    expect(log).toEqual([
      [0, 1],
      {
        on: 1,
        completed: true,
        outputTokens: 3,
        ttftMs: firstTokenMs[0]! - 7,
        e2eMs: finishedMs[0]! - 7,
      },
    ])
  })

  test('how much of a prompt was cached', () => {
    const cached: number[] = []
    const router: RoutingAlgorithm = {
      name: 'listener',
      route: (_request, { backends }) => backends[0]!,
      onFinished: (_request, _backend, _cluster, usage) => cached.push(usage.cachedTokens),
    }
    const shared = { shared: 'system', sharedTokens: 64 }
    tinyRun({ requests: [shared, { ...shared, arrivalMs: 100 }], router })
    expect(cached).toEqual([0, 64])
  })
})

describe('mistakes have names', () => {
  const failing = (act: RoutingAlgorithm['route']) => () =>
    tinyRun({ requests: [{}], router: { name: 'bad', route: act } })

  test('releasing what is not held', () => {
    expect(
      failing((request, cluster) => {
        cluster.release(request.id, reject('no'))
        return hold()
      }),
    ).toThrow(expect.objectContaining({ code: 'router_invalid_release' }))
  })

  test('a timer without a delay', () => {
    expect(
      failing((_request, cluster) => {
        cluster.timer('now', 0)
        return hold()
      }),
    ).toThrow(expect.objectContaining({ code: 'router_invalid_timer' }))
  })

  test('holding until no time', () => {
    expect(failing(() => hold(Number.NaN))).toThrow(
      expect.objectContaining({
        code: 'router_invalid_decision',
        message: 'router "bad": request 0: expected hold(untilMs) with a time in ms, got hold(NaN)',
        hint: 'hold() without a time keeps a request until the router releases it.',
      }),
    )
  })

  test.each([
    ['reject("")', reject('')],
    ['reject(undefined)', { kind: 'reject' } as never],
    ['reject(7)', reject(7 as never)],
  ])('rejecting without a reason: %s', (shown, decision) => {
    expect(failing(() => decision)).toThrow(
      expect.objectContaining({
        code: 'router_invalid_decision',
        message: `router "bad": request 0: expected reject(reason) with a text that is not empty, got ${shown}`,
      }),
    )
  })

  test.each<[string, Partial<RoutingAlgorithm>]>([
    ['disaggregate()', { route: (_, { backends }) => disaggregate(backends[7]!, backends[1]!) }],
    ['disaggregate()', { route: (_, { backends }) => disaggregate(backends[0]!, backends[7]!) }],
    ['prefillOn()', { route: (_, { backends }) => prefillOn(backends[7]!) }],
    [
      'migrate()',
      {
        migrates: true,
        onFirstToken: ({ id }, _backend, cluster) => cluster.migrate(id, cluster.backends[7]!),
      },
    ],
  ])('%s of a backend that is none', (call, router) => {
    const backends =
      call === 'migrate()'
        ? [backend(), backend()]
        : [backend({ role: 'prefill' }), backend({ role: 'decode' })]
    expect(() =>
      tinyRun({
        requests: [{ outputTokens: 9 }],
        backends,
        router: { ...inTurn(), name: 'bad', routeDecode: () => hold(), ...router },
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'router_invalid_decision',
        message: `router "bad": request 0: ${call}: expected a backend of the cluster, got undefined`,
      }),
    )
  })

  test('a held request released with a rejection without a reason', () => {
    const router: RoutingAlgorithm = {
      name: 'bad',
      route: (_request, cluster) => {
        cluster.timer('later', 1)
        return hold()
      },
      onTimer: (_id, cluster) => cluster.release(0, reject('')),
    }
    expect(() => tinyRun({ requests: [{}], router })).toThrow(/got reject\(""\)$/)
  })

  test.each([
    [
      'an object without it',
      { name: 'bad' },
      'route(request, cluster) returns a backend of the cluster.',
    ],
    [
      'the definition of one',
      { name: 'bad', create: () => ({}) },
      'Give what its create() returns.',
    ],
    ['undefined', [undefined], 'route(request, cluster) returns a backend of the cluster.'],
  ])('no router but %s', (found, router, hint) => {
    expect(() => tinyRun({ requests: [{}], router: router as never })).toThrow(
      expect.objectContaining({
        code: 'options_invalid',
        message: `router: expected an object with a route function, got ${found}`,
        hint,
      }),
    )
  })

  test.each([0, 100])('holding until a time that is over, again and again', (arrivalMs) => {
    const router: RoutingAlgorithm = { name: 'hasty', route: (request) => hold(request.arrivalMs) }
    const requests = Array.from({ length: 3 }, () => ({ arrivalMs }))
    expect(() => tinyRun({ requests, router })).toThrow(
      `router "hasty": request 0: expected hold() until a time after now, ${arrivalMs} ms;`,
    )
  })

  test('asking backends for ever in one instant', () => {
    const router: RoutingAlgorithm = {
      name: 'curious',
      route(_request, cluster) {
        cluster.query(cluster.backends[0]!, 'how are you')
        return cluster.backends[0]!
      },
      onReply: (id, from, _reply, cluster) => cluster.query(from, id),
    }
    expect(() => tinyRun({ requests: [{}], router })).toThrow(
      'router "curious": query(): expected time to move on, got one more after',
    )
  })

  test('moving a request about for ever in one instant', () => {
    const router: RoutingAlgorithm = {
      name: 'restless',
      migrates: true,
      route: (_request, cluster) => cluster.backends[0]!,
      onDispatched: ({ id }, _backend, cluster) => {
        if (id === 1) cluster.migrate(1, cluster.backends[1]!, 'recompute')
      },
      onMigrated: ({ id }, at, _hasMoved, cluster) =>
        cluster.migrate(id, cluster.backends[1 - at.id]!, 'recompute'),
    }
    const backends = Array.from({ length: 2 }, () => backend({ maxNumSeqs: 1 }))
    expect(() => tinyRun({ requests: [{}, {}], router, backends })).toThrow(
      'router "restless": migrate(): expected time to move on, got one more after',
    )
  })

  test.each(['prefill', 'decode'] as const)(
    'a whole request for a backend that is to %s',
    (role) => {
      const router: RoutingAlgorithm = {
        name: 'plain',
        route: (_, cluster) => cluster.backends[0]!,
      }
      expect(() => tinyRun({ requests: [{}], router, backends: [backend({ role })] })).toThrow(
        `router "plain": expected a backend of the role both for a whole request, got 0 (${role})`,
      )
    },
  )
})
