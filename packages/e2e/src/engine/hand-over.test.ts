// Where to decode, decided when the prompt is computed.
import { gate, leastOutstanding, pdPair, roundRobin } from '@routesim/algorithms'
import {
  type ClusterView,
  type DecisionRecord,
  disaggregate,
  hold,
  OUTCOME,
  prefillOn,
  type RoutingAlgorithm,
  reject,
} from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { decode, evenLatency, prefill } from '../testing/even-latency.js'
import { decidingLate } from '../testing/late-router.js'
import {
  backend,
  pairsInTurn,
  STEPPERS,
  seeing,
  type TinyRequest,
  tinyRun,
} from '../testing/tiny-run.js'

/** A prompt of 100 tokens takes 10 ms, a token 1 ms. */
const latency = evenLatency(0)
const pools = [prefill, prefill, decode, decode]
const transfer = { latencyMs: 0, bandwidthBytesPerSec: 1e9, bytesPerToken: 0 }
const one: TinyRequest = { promptTokens: 100, outputTokens: 5 }

/** Prefills on the first backend, and decodes where it is told. */
function late(routeDecode: NonNullable<RoutingAlgorithm['routeDecode']>): RoutingAlgorithm {
  return { name: 'late', route: (_, { backends }) => prefillOn(backends[0]!), routeDecode }
}

const leastLoaded = (cluster: ClusterView) =>
  cluster
    .pool('decode')
    .backends.reduce((best, each) => (each.outstanding < best.outstanding ? each : best))

describe.each(STEPPERS)('%s stepper', (stepper) => {
  test('sees the decode backends as they are then, and not as they were on arrival', () => {
    const seen: unknown[] = []
    const router = late((_, cluster, from) => {
      seen.push([cluster.nowMs, from.id, cluster.pool('decode').backends.map((b) => b.outstanding)])
      return leastLoaded(cluster)
    })
    const requests = [one, { ...one, outputTokens: 100 }, { ...one, arrivalMs: 5 }]
    const run = tinyRun({ stepper, requests, router, transfer, backends: pools })
    // Two prompts in one step of 20 ms, then the third; the first has ended by then, the second has not.
    expect(seen).toEqual([
      [20, 0, [0, 0]],
      [20, 0, [1, 0]],
      [30, 0, [0, 1]],
    ])
    expect([...run.outcomes.backend]).toEqual([2, 3, 2])
    expect([...run.outcomes.prefillBackend]).toEqual([0, 0, 0])
  })

  test('a pair that decides late spreads what a pair that decides on arrival piles up', () => {
    // When they come nobody decodes anything yet.
    const requests = Array.from({ length: 4 }, () => ({ ...one, outputTokens: 200 }))
    const of = (decodeAt: 'arrival' | 'hand_over') => {
      const least = leastOutstanding
      const router = pdPair(roundRobin.create(), least.create({ ties: 'first' }), { decodeAt })
      return tinyRun({ stepper, requests, router, transfer, backends: pools }).outcomes.backend
    }
    expect([...of('arrival')]).toEqual([2, 2, 2, 2])
    expect([...of('hand_over')]).toEqual([2, 3, 2, 3])
  })

  test('holds, is asked again, and lets go by itself; blocks stay where the prompt is until then', () => {
    const log: unknown[] = []
    const router: RoutingAlgorithm = {
      ...late(({ id }, cluster) => {
        log.push(['asked', id, cluster.nowMs])
        if (id === 0) return cluster.nowMs < 50 ? hold(50) : leastLoaded(cluster)
        cluster.timer('go', 60)
        return hold()
      }),
      onTimer: (_, cluster) => cluster.release(1, leastLoaded(cluster)),
      onDispatched: ({ id }, to, _, answers) => log.push(['sent', id, to.id, answers.id]),
      onHandedOver: ({ id }, to, cluster) => log.push(['handed over', id, to.id, cluster.nowMs]),
    }
    const kv = { blocks: 10, blockTokens: 10 }
    const run = tinyRun({
      ...{ stepper, router, transfer, requests: [one, one], prefixCaching: false },
      backends: [backend({ role: 'prefill', latency, kv }), prefill, decode, decode],
    })
    expect(log).toEqual([
      ['sent', 0, 0, 0],
      ['sent', 1, 0, 0],
      ['asked', 0, 10],
      ['asked', 0, 50],
      ['handed over', 0, 2, 50],
      ['asked', 1, 60],
      ['handed over', 1, 2, 120],
    ])
    expect([...run.outcomes.admittedMs]).toEqual([0, 50])
  })

  test.each([
    ['refuses', () => reject('no_room'), 'no_room'],
    ['holds for ever', () => hold(), 'held_forever'],
  ])('one that it %s has failed, and its blocks are free', (_, routeDecode, reason) => {
    const ended: unknown[] = []
    const router: RoutingAlgorithm = {
      ...late(routeDecode),
      onFinished: (_request, at, _cluster, usage) => ended.push([at.id, usage.completed]),
    }
    const run = tinyRun({ stepper, router, transfer, requests: [one], backends: pools })
    expect(run.outcomes.outcome[0]).toBe(OUTCOME.failed)
    expect(run.rejectReasons[run.outcomes.rejectReason[0]!]).toBe(reason)
    expect([run.outcomes.backend[0], run.outcomes.prefillBackend[0]]).toEqual([-1, 0])
    expect(run.outcomes.firstTokenMs[0]).toBe(10)
    expect(ended).toEqual([[0, false]])
  })

  test('what no backend can decode is rejected on arrival; what the chosen one can not, then', () => {
    const small = backend({ role: 'decode', latency, kv: { blocks: 10, blockTokens: 10 } })
    const story = { stepper, transfer, requests: [one] } as const
    const router = (): RoutingAlgorithm => late((_, cluster) => cluster.pool('decode').backends[0]!)
    const none = tinyRun({ ...story, router: router(), backends: [prefill, small] })
    expect([none.outcomes.outcome[0], none.rejectReasons]).toEqual([
      OUTCOME.rejected,
      ['exceeds_kv_cache'],
    ])
    const wrong = tinyRun({ ...story, router: router(), backends: [prefill, small, decode] })
    expect([wrong.outcomes.outcome[0], wrong.rejectReasons]).toEqual([
      OUTCOME.failed,
      ['exceeds_kv_cache'],
    ])
  })

  test('a backend that fails, and a client that hangs up, while it is still open where to decode', () => {
    const router = (): RoutingAlgorithm => late((_, cluster) => hold(cluster.nowMs + 100))
    const story = { stepper, transfer, requests: [one], backends: pools } as const
    const failed = tinyRun({
      ...{ ...story, router: router() },
      events: [{ atMs: 15, kind: 'fail', backend: 0 }],
    })
    expect([failed.outcomes.outcome[0], failed.outcomes.finishedMs[0]]).toEqual([
      OUTCOME.failed,
      15,
    ])
    const gone = tinyRun({ ...story, router: router(), timeoutMs: 30 })
    expect([gone.outcomes.outcome[0], gone.outcomes.finishedMs[0]]).toEqual([OUTCOME.timed_out, 30])
    const down = tinyRun({
      ...{ ...story, router: late((_, cluster) => cluster.backends[2]!) },
      events: [{ atMs: 5, kind: 'fail', backend: 2 }],
    })
    expect(down.rejectReasons).toEqual(['backend_unreachable'])
  })

  test.each([
    [
      'no routeDecode',
      { name: 'half', route: (_: unknown, { backends }: ClusterView) => prefillOn(backends[0]!) },
      'expected a router with routeDecode()',
    ],
    [
      'a backend that does both',
      { ...late(() => hold()), route: (_: unknown, c: ClusterView) => prefillOn(c.backends[4]!) },
      'expected a backend of the role prefill, got 4 (both)',
    ],
    [
      'a prefill backend to decode',
      late((_, cluster) => cluster.backends[1]!),
      'expected a prefill and a decode backend, got 0 (prefill) and 1 (prefill)',
    ],
    ['a pair to decode', late(() => 7 as never), 'request 0: expected a backend of the cluster'],
  ])('%s is an error', (_, router, message) => {
    const backends = [...pools, backend()]
    expect(() => tinyRun({ stepper, router, transfer, requests: [one], backends })).toThrow(message)
  })
})

test.each(['arrival', 'hand_over'])(
  'a prompt that one model computes and another decodes is an error of the router, not a result: %s',
  (decodeAt) => {
    const backends = [
      backend({ role: 'prefill', model: 'a' }),
      backend({ role: 'decode', model: 'b' }),
      backend({ role: 'decode', model: 'a' }),
    ]
    const router = (to: number): RoutingAlgorithm =>
      decodeAt === 'hand_over'
        ? late((_, cluster) => cluster.backends[to]!)
        : {
            name: 'pair',
            route: (_, { backends: all }) => disaggregate(all[0]!, all[to]!),
          }
    const story = { transfer, requests: [one], backends } as const
    expect(tinyRun({ ...story, router: router(2) }).outcomes.outcome[0]).toBe(OUTCOME.completed)
    expect(() => tinyRun({ ...story, router: router(1) })).toThrow(
      'expected a prefill and a decode backend of one model, got 0 ("a") and 1 ("b")',
    )
  },
)

test('an own account of a router counts a request at the hand-over, with several routers too', () => {
  const seen: number[][] = []
  const router = (): RoutingAlgorithm =>
    late((_, cluster) => {
      seen.push(cluster.backends.map(({ outstanding }) => outstanding))
      return cluster.pool('decode').backends[0]!
    })
  tinyRun({
    ...{ transfer, backends: pools, router: [router(), router()] },
    requests: [one, { ...one, arrivalMs: 12, outputTokens: 50 }, { ...one, arrivalMs: 24 }],
    visibility: seeing({ routers: { replicas: 2, split: 'round_robin', syncMs: 0 } }),
  })
  // The third is of the first router, whose own first has ended.
  expect(seen).toEqual([
    [1, 0, 0, 0],
    [1, 0, 0, 0],
    [1, 0, 0, 0],
  ])
})

test('a decision is told in two parts, each of which can be forced', () => {
  const records: DecisionRecord[] = []
  const story = () => ({
    requests: [one, one, one],
    backends: pools,
    router: decidingLate(pairsInTurn()),
    transfer,
  })
  const run = tinyRun({ ...story(), onDecision: (record) => records.push(record) })
  const told = records
    .filter(({ request }) => request === 1)
    .map(({ action, turn, backend: at, decode: to }) => [action, turn, at, to])
  expect(told[0]).toEqual(['prefill', 0, run.outcomes.prefillBackend[1], -1])
  expect(told.at(-1)).toEqual([
    'decode',
    told.length - 1,
    run.outcomes.prefillBackend[1],
    run.outcomes.backend[1],
  ])
  for (const to of [2, 3]) {
    const turn = told.length - 1
    const forcedDecision = { request: 1, attempt: 0, turn, backend: 0, decode: to }
    expect(tinyRun({ ...story(), forcedDecision }).outcomes.backend[1]).toBe(to)
  }
  for (const from of [0, 1]) {
    const forcedDecision = { request: 1, attempt: 0, turn: 0, backend: from, decode: -1 }
    expect(tinyRun({ ...story(), forcedDecision }).outcomes.prefillBackend[1]).toBe(from)
  }
})

test('a part of a decision that is put off tells where the prompt is', () => {
  const records: DecisionRecord[] = []
  const router = late((_, cluster) => (cluster.nowMs < 50 ? hold(50) : leastLoaded(cluster)))
  const onDecision = (record: DecisionRecord): unknown => records.push(record)
  tinyRun({ router, transfer, requests: [one], backends: pools, onDecision })
  expect(records.map(({ action, backend: at, decode: to }) => [action, at, to])).toEqual([
    ['prefill', 0, -1],
    ['hold', 0, -1],
    ['decode', 0, 2],
  ])
})

test.each(STEPPERS)(
  'room for which a request has waited is there when that of one on its way is given back: %s',
  (stepper) => {
    const { outcomes } = tinyRun({
      ...{ stepper, router: pairsInTurn(), requests: [one, { ...one, arrivalMs: 50 }] },
      backends: [prefill, { ...decode, kv: { blocks: 7, blockTokens: 16 } }],
      // A prompt takes a second to send, and nobody waits for longer than a tenth.
      transfer: { latencyMs: 0, bandwidthBytesPerSec: 100, bytesPerToken: 1 },
      timeoutMs: 100,
    })
    expect([...outcomes.transferStartMs!]).toEqual([10, 100])
    expect([...outcomes.finishedMs]).toEqual([100, 150])
  },
)

test('a gate around a pair that decides late, and pools with backends that do both', () => {
  const pair = (): RoutingAlgorithm =>
    pdPair(leastOutstanding.create(), leastOutstanding.create(), { decodeAt: 'hand_over' })
  const requests = Array.from({ length: 30 }, (_, i) => ({ ...one, arrivalMs: i }))
  const limits = { saturation: 'concurrency', request_limit: 2 }
  const gated = tinyRun({ requests, transfer, backends: pools, router: gate.wrap(pair(), limits) })
  expect([...gated.outcomes.outcome].every((each) => each === OUTCOME.completed)).toBe(true)
  const mixed = tinyRun({
    requests,
    transfer,
    backends: [prefill, backend(), decode],
    router: pair(),
  })
  expect([...mixed.outcomes.outcome].every((each) => each === OUTCOME.completed)).toBe(true)
  expect(new Set(mixed.outcomes.prefillBackend)).toEqual(new Set([0, 1]))
})
