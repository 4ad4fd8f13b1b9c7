// What happens to requests when backends fail, come and go, and clients lose patience: in both steppers.
import { type ClusterView, disaggregate, OUTCOME, type RoutingAlgorithm } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import {
  backend,
  inTurn,
  STEPPERS,
  seeing,
  type TinyRun,
  tinyRun,
  tinyTable,
} from '../testing/tiny-run.js'

/** A prompt takes 10 ms and every later token 10 ms, whatever their sizes. */
const latency = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 0,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})
const tens = backend({ latency })
const inPlace = (id: number): RoutingAlgorithm => ({
  name: 'in place',
  route: (_, { backends }) => backends.find((each) => each.id === id)!,
})
/** Computed on the first, decoded on the second. */
const pair = (): RoutingAlgorithm => ({
  name: 'hands over',
  route: (_, { backends: [a, b] }) => disaggregate(a!, b!),
})
/** To the lowest id that looks healthy. */
const lowest = (): RoutingAlgorithm => ({
  name: 'lowest',
  route: (_, { backends }) =>
    backends.find(({ healthy }) => healthy) ?? { kind: 'reject', reason: 'none' },
})

describe.each(STEPPERS)('with the %s stepper', (stepper) => {
  const run = (story: TinyRun) => tinyRun({ stepper, backends: [tens, tens], ...story })

  test('a failure ends requests with a first token, and sends the others again', () => {
    const { outcomes, rejectReasons, backends } = run({
      // One decodes at 25 ms, one is in its prefill, and one waits for the step to end.
      requests: [
        { outputTokens: 5 },
        { arrivalMs: 12, outputTokens: 2 },
        { arrivalMs: 21, outputTokens: 2 },
      ],
      router: lowest(),
      events: [{ atMs: 25, backend: 0, kind: 'fail' }],
      retries: { attempts: 1, backoffMs: 5 },
    })
    expect([...outcomes.outcome]).toEqual([OUTCOME.failed, OUTCOME.completed, OUTCOME.completed])
    expect(rejectReasons[outcomes.rejectReason[0]!]).toBe('backend_failed')
    expect([...outcomes.attempts]).toEqual([0, 1, 1])
    // Sent again at 30 ms, to the other one.
    expect([...outcomes.firstTokenMs]).toEqual([10, 40, 40])
    expect([...outcomes.finishedMs]).toEqual([25, 50, 50])
    expect(backends[0]).toMatchObject({ busyMs: 25, steps: 2, cachedBlocks: 0, heldBlocks: 0 })
  })

  test('until routers see a failure, requests come back from it', () => {
    const { outcomes, rejectReasons } = run({
      requests: [{ arrivalMs: 20 }, { arrivalMs: 30 }, { arrivalMs: 61 }],
      router: lowest(),
      events: [{ atMs: 10, backend: 0, kind: 'fail' }],
      healthDelayMs: 50,
      retries: { attempts: 2, backoffMs: 16 },
    })
    // At 20, 36 and 52; and at 30, 46 and 62, when it is known.
    expect([...outcomes.outcome]).toEqual([OUTCOME.failed, OUTCOME.completed, OUTCOME.completed])
    expect(rejectReasons[outcomes.rejectReason[0]!]).toBe('backend_unreachable')
    expect([...outcomes.attempts]).toEqual([2, 2, 0])
    expect([...outcomes.backend]).toEqual([-1, 1, 1])
    expect([...outcomes.firstTokenMs]).toEqual([Number.NaN, 81, 71])
  })

  test('a backend is back with an empty cache after a failure, and with its own after a drain', () => {
    const cachedAfter = (kind: 'fail' | 'drain'): [number, string[]] => {
      const changes: string[] = []
      const router: RoutingAlgorithm = {
        ...inPlace(0),
        onBackendChange: ({ id }, change) => void changes.push(`${id} ${change}`),
      }
      const { outcomes } = run({
        requests: [
          { promptTokens: 64, shared: 'same' },
          { arrivalMs: 100, promptTokens: 64, shared: 'same' },
        ],
        router,
        events: [
          { atMs: 50, backend: 0, kind },
          { atMs: 60, backend: 0, kind: 'recover' },
        ],
      })
      return [outcomes.cachedTokens[1]!, changes]
    }
    expect(cachedAfter('fail')).toEqual([0, ['0 unhealthy', '0 restarted']])
    expect(cachedAfter('drain')).toEqual([48, ['0 unhealthy', '0 healthy']])
  })

  test('a recovery in the instant of the next failure is still one from a drain', () => {
    const changes: string[] = []
    run({
      requests: [{}, { arrivalMs: 100 }],
      router: { ...inPlace(1), onBackendChange: (_, change) => void changes.push(change) },
      events: [
        { atMs: 50, backend: 0, kind: 'drain' },
        { atMs: 60, backend: 0, kind: 'recover' },
        { atMs: 60, backend: 0, kind: 'fail' },
      ],
      healthDelayMs: 5,
    })
    expect(changes).toEqual(['unhealthy', 'healthy', 'unhealthy'])
  })

  test('a slow backend takes longer from its next step on', () => {
    const { outcomes } = run({
      requests: [{ outputTokens: 6 }],
      router: inPlace(0),
      events: [
        { atMs: 25, backend: 0, kind: 'slow', factor: 3 },
        { atMs: 70, backend: 0, kind: 'slow', factor: 1 },
      ],
    })
    // Steps end at 10, 20, 30, 60, 90 and 100 ms.
    expect(outcomes.finishedMs[0]).toBe(100)
  })

  test('one that joins is not seen before, and one that leaves finishes what it has', () => {
    const seen: number[][] = []
    const { outcomes } = run({
      requests: [{ outputTokens: 4 }, { arrivalMs: 20 }, { arrivalMs: 31 }],
      router: {
        name: 'watches',
        route: (_, { backends }: ClusterView) => {
          seen.push(backends.map(({ id }) => id))
          return backends.at(-1)!
        },
      },
      events: [
        { atMs: 15, backend: 1, kind: 'add' },
        { atMs: 16, backend: 0, kind: 'remove' },
      ],
    })
    expect(seen).toEqual([[0], [1], [1]])
    expect([...outcomes.finishedMs]).toEqual([40, 30, 41])
  })

  test.each(['fail', 'drain'] as const)(
    'a backend that leaves after a %s is healthy when it joins again',
    (kind) => {
      const { outcomes } = run({
        requests: [{ arrivalMs: 20 }, { arrivalMs: 50 }],
        router: lowest(),
        events: [
          { atMs: 5, backend: 0, kind },
          { atMs: 30, backend: 0, kind: 'remove' },
          { atMs: 40, backend: 0, kind: 'add' },
        ],
      })
      expect([...outcomes.backend]).toEqual([1, 0])
    },
  )

  test('a client hangs up: at once from a queue, after the step from a batch', () => {
    const { outcomes, rejectReasons } = run({
      requests: [{ outputTokens: 9 }, { arrivalMs: 1 }, { arrivalMs: 40 }],
      backends: [backend({ latency, maxNumSeqs: 1 })],
      router: inPlace(0),
      timeoutMs: 35,
    })
    // The first leaves after its fourth step, at 40 ms; the second, in the queue, at 36.
    expect([...outcomes.outcome]).toEqual([OUTCOME.timed_out, OUTCOME.timed_out, OUTCOME.completed])
    expect([...outcomes.finishedMs]).toEqual([40, 36, 50])
    expect(rejectReasons).toEqual(['timeout'])
  })

  test('what a decode backend loses before it has it is lost, and its prompt given up', () => {
    const { outcomes, backends } = run({
      requests: [{ outputTokens: 4 }],
      router: pair(),
      transfer: { latencyMs: 100, bandwidthBytesPerSec: 1e9, bytesPerToken: 1 },
      events: [{ atMs: 50, backend: 1, kind: 'fail' }],
      retries: { attempts: 3, backoffMs: 0 },
    })
    expect(outcomes.outcome[0]).toBe(OUTCOME.failed)
    expect(outcomes.finishedMs[0]).toBe(50)
    expect(backends.map(({ heldBlocks }) => heldBlocks)).toEqual([0, 0])
  })

  test('one that decodes goes on when the backend of its prompt fails', () => {
    const { outcomes } = run({
      requests: [{ outputTokens: 4 }],
      router: pair(),
      transfer: { latencyMs: 5, bandwidthBytesPerSec: 1e9, bytesPerToken: 0 },
      events: [{ atMs: 25, backend: 0, kind: 'fail' }],
    })
    expect(outcomes.outcome[0]).toBe(OUTCOME.completed)
    expect(outcomes.finishedMs[0]).toBe(45)
  })

  test('a prompt that is computed after its client hung up is handed over to nobody', () => {
    const { outcomes, backends } = run({
      requests: [{ outputTokens: 4 }],
      router: pair(),
      timeoutMs: 5,
    })
    expect(outcomes.outcome[0]).toBe(OUTCOME.timed_out)
    expect(outcomes.finishedMs[0]).toBe(10)
    expect(backends.map(({ heldBlocks, steps }) => [heldBlocks, steps])).toEqual([
      [0, 1],
      [0, 0],
    ])
  })

  test.each([
    ['its backend', 0, 7],
    ['where it was to decode', 1, 10],
  ])('a client that hung up gets no second attempt when %s fails', (_, id, endMs) => {
    for (const atMs of id === 0 ? [7] : [3, 7]) {
      const { outcomes, rejectReasons } = run({
        requests: [{ outputTokens: 4 }],
        router: pair(),
        events: [{ atMs, backend: id, kind: 'fail' }],
        timeoutMs: 5,
        retries: { attempts: 3, backoffMs: 100 },
      })
      expect(outcomes.outcome[0]).toBe(OUTCOME.timed_out)
      expect(outcomes.finishedMs[0]).toBe(endMs)
      expect(outcomes.attempts[0]).toBe(0)
      expect(rejectReasons).toEqual(['timeout'])
    }
  })

  test('a first token comes too late for a client that has hung up, unless it is all there is', () => {
    const told: string[] = []
    const { outcomes } = run({
      requests: [{ outputTokens: 2 }, { outputTokens: 1 }],
      router: {
        ...inTurn(),
        onFirstToken: ({ id }) => void told.push(`first of ${id}`),
        onFinished: ({ id }, _, __, { ttftMs, outputTokens }) =>
          void told.push(`end of ${id}: ${outputTokens} tokens, the first after ${ttftMs} ms`),
      },
      timeoutMs: 5,
    })
    expect([...outcomes.outcome]).toEqual([OUTCOME.timed_out, OUTCOME.completed])
    expect([...outcomes.firstTokenMs]).toEqual([Number.NaN, 10])
    expect(told).toEqual([
      'end of 0: 0 tokens, the first after NaN ms',
      'first of 1',
      'end of 1: 1 tokens, the first after 10 ms',
    ])
  })

  test.each<[string, TinyRun]>([
    ['its client has hung up', { requests: [], timeoutMs: 5 }],
    [
      'where it was to decode has failed',
      { requests: [], events: [{ atMs: 3, backend: 1, kind: 'fail' }] },
    ],
  ])('a prompt counts where it was computed until it is called off: %s', (_, story) => {
    const told: number[] = []
    run({
      ...story,
      requests: [{ outputTokens: 4 }],
      router: {
        ...pair(),
        onFinished: (__, { id }, { backends }) =>
          void told.push(id, ...backends.map(({ outstanding }) => outstanding)),
      },
      visibility: seeing({ metrics: 'none' }),
    })
    // It ended on the first, and nothing is left on either.
    expect(told).toEqual([0, 0, 0])
  })

  test('turns that wait for a request that was lost never come', () => {
    const requests = tinyTable([{ outputTokens: 9 }, { predecessor: 0, thinkMs: 5 }])
    const { outcomes } = run({
      requests,
      router: inPlace(0),
      events: [{ atMs: 15, backend: 0, kind: 'fail' }],
    })
    expect([...outcomes.outcome]).toEqual([OUTCOME.failed, OUTCOME.unsent])
  })
})

test.each([
  [
    { events: [{ atMs: 1, backend: 0, kind: 'recover' }] },
    'events[0]: expected backend 0 to be down',
  ],
  [{ events: [{ atMs: -1, backend: 0, kind: 'fail' }] }, 'events[0].atMs: expected a number >= 0'],
  [
    { events: [{ atMs: 1, backend: 0, kind: 'fail', factor: 2 }] },
    'events[0].factor: expected nothing',
  ],
  [{ timeoutMs: 0 }, 'timeoutMs: expected a number > 0, got 0'],
  [{ retries: { attempts: 300, backoffMs: 0 } }, 'retries.attempts: expected an integer from 0 to'],
  [
    { visibility: seeing({ healthDelayMs: -1 }) },
    'visibility.healthDelayMs: expected a number >= 0',
  ],
] as const)('%j is refused', (story, message) => {
  expect(() => tinyRun({ requests: [{}], ...story })).toThrow(message)
})
