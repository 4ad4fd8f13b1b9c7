// Requests that a router moves from one backend to another, by hand.
import { disaggregate, OUTCOME, type RoutingAlgorithm, reject } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { backend, inTurn, STEPPERS, seeing, type TinyRun, tinyRun } from '../testing/tiny-run.js'

/** A step takes 10 ms, and a prompt token 1 ms more. */
const tenMs = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 1,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})
const kv = { blocks: 20, blockTokens: 4 }
const two = [backend({ latency: tenMs, kv }), backend({ latency: tenMs, kv })]
/** A token takes 2 ms. */
const link = { latencyMs: 5, bandwidthBytesPerSec: 500, bytesPerToken: 1 }

/** Everything to backend 0, and the first request to backend 1 at a time. */
function mover(
  atMs: number,
  mode: 'transfer' | 'recompute',
  log: string[] = [],
  { migrates = true }: Partial<RoutingAlgorithm> = {},
): RoutingAlgorithm {
  return {
    name: 'mover',
    migrates,
    route: (_request, cluster) => cluster.backends[0]!,
    onDispatched({ id }, _backend, cluster) {
      if (id === 0) cluster.timer('move', atMs - cluster.nowMs)
    },
    onTimer: (_id, cluster) => cluster.migrate(0, cluster.backends[1]!, mode),
    onMigrated: ({ id }, { id: at, outstanding, kvUsage }, hasMoved, { nowMs, backends }) =>
      log.push(
        `${nowMs}: ${id} ${hasMoved} ${at}, ${outstanding} there, ${kvUsage} + ${backends[0]!.kvUsage}`,
      ),
    onFinished: (_request, { id }) => log.push(`ended on ${id}`),
  }
}

/** Its first token comes at 20 ms, the others every 10 ms: in all at 60 ms where it is left alone. */
const one = [{ promptTokens: 10, outputTokens: 5 }]

describe.each(STEPPERS)('%s', (stepper) => {
  const story = (router: RoutingAlgorithm, rest: Partial<TinyRun> = {}): TinyRun => ({
    requests: one,
    backends: two,
    transfer: link,
    router,
    stepper,
    ...rest,
  })

  test('a running request leaves after the step, and its KV cache follows', () => {
    const log: string[] = []
    const run = tinyRun(story(mover(25, 'transfer', log)))
    // Off at 30 ms with two tokens: KV of 11 tokens takes 27 ms, and three tokens are to come.
    expect(run.outcomes.finishedMs[0]).toBeCloseTo(30 + 27 + 30, 9)
    expect([...run.outcomes.backend]).toEqual([1])
    expect([...run.outcomes.prefillBackend]).toEqual([0])
    expect(run.backends.map(({ decodeTokens }) => decodeTokens)).toEqual([1, 3])
    // Three blocks of twenty, which are held at one end only once they have arrived.
    expect(log).toEqual(['57: 0 true 1, 1 there, 0.15 + 0', 'ended on 1'])
  })

  test('memory is held at both ends while it travels', () => {
    const seen: number[][] = []
    const router: RoutingAlgorithm = {
      ...mover(25, 'transfer'),
      onDispatched(_request, _backend, cluster) {
        cluster.timer('move', 25)
        cluster.timer('look', 40)
      },
      onTimer(id, cluster) {
        if (id === 'move') cluster.migrate(0, cluster.backends[1]!)
        else seen.push([...cluster.backends.map(({ kvUsage }) => kvUsage)])
      },
    }
    tinyRun(story(router))
    expect(seen).toEqual([[0.15, 0.15]])
  })

  test('it may be computed anew instead', () => {
    const log: string[] = []
    const run = tinyRun(story(mover(25, 'recompute', log)))
    // Off at 30 ms; 12 tokens are known there, whose step of 22 ms gives the third.
    expect(run.outcomes.finishedMs[0]).toBeCloseTo(30 + 22 + 20, 9)
    expect(log).toEqual(['30: 0 true 1, 1 there, 0 + 0', 'ended on 1'])
  })

  test('one that waits goes at once', () => {
    const backends = [backend({ latency: tenMs, kv, maxNumSeqs: 1 }), two[1]!]
    const log: string[] = []
    const router: RoutingAlgorithm = {
      ...mover(25, 'transfer', log),
      onTimer: (_id, cluster) => cluster.migrate(1, cluster.backends[1]!),
    }
    const run = tinyRun(story(router, { requests: [...one, ...one], backends }))
    expect(log[0]).toBe('25: 1 true 1, 1 there, 0 + 0.15')
    expect(run.outcomes.admittedMs[1]).toBe(25)
    expect([...run.outcomes.prefillBackend]).toEqual([0, 1])
    expect(run.outcomes.finishedMs[1]).toBeCloseTo(25 + 60, 9)
  })

  test('it waits until there is room', () => {
    // The other has a prompt of 15 of the 20 blocks, and answers until 260 ms.
    const requests = [
      { promptTokens: 40, outputTokens: 9 },
      { promptTokens: 60, outputTokens: 20 },
    ]
    const log: string[] = []
    const router: RoutingAlgorithm = {
      ...mover(55, 'transfer', log),
      route: ({ id }, { backends }) => backends[id]!,
    }
    const run = tinyRun(story(router, { requests }))
    expect(run.outcomes.finishedMs[1]).toBeCloseTo(260, 9)
    // Off at 60 ms with two tokens: then KV of 41 tokens takes 87 ms, and seven tokens are to come.
    expect(run.outcomes.finishedMs[0]).toBeCloseTo(260 + 87 + 70, 9)
    expect(log[1]).toMatch(/^347: 0 true 1/)
  })

  test('where it goes fails: it comes back, and is computed anew from what is cached', () => {
    const log: string[] = []
    const events = [{ atMs: 40, backend: 1, kind: 'fail' as const }]
    const run = tinyRun(story(mover(25, 'transfer', log), { events }))
    // Back at 40 ms with 12 known tokens of which 8 are in whole blocks: 14 ms for the third token.
    expect(log).toEqual(['40: 0 false 0, 1 there, 0 + 0', 'ended on 0'])
    expect(run.outcomes.finishedMs[0]).toBeCloseTo(40 + 14 + 20, 9)
  })

  test('where it comes from fails: it is lost, and counted', () => {
    const log: string[] = []
    const events = [{ atMs: 40, backend: 0, kind: 'fail' as const }]
    const run = tinyRun(story(mover(25, 'transfer', log), { events }))
    expect([...run.outcomes.outcome]).toEqual([OUTCOME.failed])
    expect(log).toEqual(['ended on 1'])
  })

  test('it takes too long on its way', () => {
    const run = tinyRun(story(mover(25, 'transfer'), { timeoutMs: 45 }))
    expect([...run.outcomes.outcome]).toEqual([OUTCOME.timed_out])
    expect(run.endMs).toBe(45)
  })

  test('a backend that is down, or too small, or the same, refuses', () => {
    const log: string[] = []
    const events = [{ atMs: 1, backend: 1, kind: 'fail' as const }]
    const down = tinyRun(story(mover(25, 'transfer', log), { events }))
    const small = [two[0]!, backend({ latency: tenMs, kv: { blocks: 3, blockTokens: 4 } })]
    tinyRun(story(mover(25, 'transfer', log), { backends: small }))
    tinyRun(
      story({
        ...mover(25, 'transfer', log),
        onTimer: (_id, cluster) => cluster.migrate(0, cluster.backends[0]!),
      }),
    )
    expect(down.outcomes.finishedMs[0]).toBeCloseTo(60, 9)
    expect(log.filter((line) => line.startsWith('25'))).toEqual(
      Array.from({ length: 3 }, () => '25: 0 false 0, 1 there, 0.15 + 0.15'),
    )
  })

  test('a router hears how its requests get on', () => {
    const told: string[] = []
    tinyRun(
      story({
        ...inTurn(),
        progressIntervalMs: 15,
        onProgress: (_request, { id }, tokens, { nowMs }) =>
          told.push(`${nowMs}: ${tokens} on ${id}`),
      }),
    )
    // Tokens come at 20, 30, 40, 50 and 60 ms.
    expect(told).toEqual(['30: 2 on 0', '45: 3 on 0'])
  })

  test('a router that asks more often than tokens come hears of each token once', () => {
    const told: string[] = []
    tinyRun(
      story({
        ...inTurn(),
        progressIntervalMs: 4,
        onProgress: (_request, _backend, tokens, { nowMs }) => told.push(`${nowMs}: ${tokens}`),
      }),
    )
    expect(told).toEqual(['32: 2', '40: 3', '52: 4'])
  })

  test('in order of arrival, also where thousands came between the first and the last', () => {
    const heard: number[] = []
    tinyRun(
      story(
        {
          name: 'of two',
          route: ({ id }, { backends }) =>
            id === 0 || id === 9000 ? backends[0]! : reject('between'),
          progressIntervalMs: 15,
          onProgress: ({ id }) => heard.push(id),
        },
        {
          requests: Array.from({ length: 9001 }, (_, i) => ({
            promptTokens: 10,
            outputTokens: i === 0 ? 5 : 4,
          })),
        },
      ),
    )
    // The last ends first, which is how a batch has them.
    expect(heard.slice(0, 2)).toEqual([0, 9000])
  })

  test('a question takes its time, and finds the backend as it is then', () => {
    const replies: unknown[] = []
    const router: RoutingAlgorithm = {
      ...inTurn(),
      onDispatched(request, _backend, cluster) {
        cluster.query(cluster.backends[0]!, `about ${request.id}`, request)
        cluster.query(cluster.backends[1]!, 'down')
      },
      onReply: (id, { id: from }, reply, { nowMs }) => replies.push([nowMs, id, from, reply]),
    }
    const visibility = seeing({ queryMs: 44 })
    const events = [{ atMs: 10, backend: 1, kind: 'fail' as const }]
    const requests = [{ ...one[0]!, shared: 'all of it' }]
    tinyRun(story(router, { requests, visibility, events }))
    const reply = {
      askedMs: 0,
      takenMs: 22,
      waiting: 0,
      running: 1,
      kvUsage: 0.15,
      matchedTokens: 8,
    }
    expect(replies).toEqual([
      [44, 'about 0', 0, reply],
      [44, 'down', 1, undefined],
    ])
  })
})

test('mistakes of routers', () => {
  const told = (router: RoutingAlgorithm, rest: Partial<TinyRun> = {}) =>
    expect(() => tinyRun({ requests: one, backends: two, router, transfer: link, ...rest }))
  told(mover(25, 'transfer', [], { migrates: false })).toThrow('expected a router with migrates')
  told(mover(25, 'twice' as never)).toThrow('"mode":"twice"')
  const decode = [two[0]!, { ...two[1]!, role: 'prefill' as const }]
  told(mover(25, 'transfer'), { backends: decode }).toThrow('expected a backend that can decode')
  told({ ...inTurn(), onProgress: () => {} }).toThrow('progressIntervalMs: expected a number > 0')
})

test.each(STEPPERS)(
  'a router that asks for moves in vain, again and again, keeps no deadlock up: %s',
  (stepper) => {
    const refused: number[] = []
    const router: RoutingAlgorithm = {
      name: 'stubborn',
      migrates: true,
      route(request, cluster) {
        if (request.id === 0) cluster.timer('ask', 50)
        const [prefill, decode] = request.id === 0 ? [0, 1] : [1, 0]
        return disaggregate(cluster.backends[prefill]!, cluster.backends[decode]!)
      },
      onTimer(id, cluster) {
        cluster.migrate(0, cluster.backends[0]!)
        cluster.timer(id, 50)
      },
      onMigrated: (request) => refused.push(request.id),
    }
    // Each prompt holds most of the memory where it was computed, and lacks it where it is to be decoded.
    const { outcomes, endMs } = tinyRun({
      requests: [
        { promptTokens: 100, outputTokens: 20 },
        { promptTokens: 100, outputTokens: 20 },
      ],
      backends: Array.from({ length: 2 }, () => backend({ kv: { blocks: 10, blockTokens: 16 } })),
      router,
      stepper,
    })
    expect([...outcomes.outcome]).toEqual([OUTCOME.completed, OUTCOME.completed])
    expect(endMs).toBeLessThan(10_000)
    expect(refused.length).toBeGreaterThan(0)
  },
)

test.each(STEPPERS)(
  'requests that are moved to where the other was go on at once, whatever others do: %s',
  (stepper) => {
    const moved: number[] = []
    const router: RoutingAlgorithm = {
      name: 'crosswise',
      migrates: true,
      route: ({ id }, { backends }) => backends[Math.min(id, 2)]!,
      onFirstToken({ id }, backend, cluster) {
        if (id < 2) cluster.migrate(id, cluster.backends[1 - backend.id]!)
      },
      onMigrated: (_request, _backend, _hasMoved, { nowMs }) => moved.push(nowMs),
    }
    const elsewhere = Array.from({ length: 20 }, (_, i) => ({ arrivalMs: 1000 * (i + 1) }))
    const { outcomes } = tinyRun({
      requests: [...Array(2).fill({ promptTokens: 60, outputTokens: 10 }), ...elsewhere],
      backends: [...two, backend()],
      transfer: link,
      router,
      stepper,
    })
    expect(moved.length).toBe(2)
    expect(Math.max(...moved)).toBeLessThan(500)
    expect(Math.max(...outcomes.finishedMs.subarray(0, 2))).toBeLessThan(1000)
  },
)
