import { type BackendSpec, hold, type LatencyModel, prefillOn } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { evenLatency } from '../testing/even-latency.js'
import { backend, pairsInTurn, STEPPERS, type TinyRequest, tinyRun } from '../testing/tiny-run.js'

const latency = evenLatency(5)

describe.each(STEPPERS)('%s stepper', (stepper) => {
  test('requests go to the rank with the fewest, the lowest among equals, and do not share steps', () => {
    const run = tinyRun({
      stepper,
      requests: [{ promptTokens: 100 }, { promptTokens: 200 }, { promptTokens: 300 }],
      backends: [backend({ latency, dp: 2 })],
    })
    // The third shares the first's rank: 5 + 40 ms.
    expect([...run.outcomes.firstTokenMs]).toEqual([45, 25, 45])
    expect([...run.outcomes.backend]).toEqual([0, 0, 0])
    expect(run.backends).toHaveLength(1)
    expect(run.backends[0]).toMatchObject({ steps: 2, prefillTokens: 600, totalBlocks: 65536 })
    expect(run.backends[0]!.busyMs).toBe(35)
  })

  test('in lockstep a step lasts as long as that of the slowest rank', () => {
    const run = tinyRun({
      stepper,
      requests: [
        { promptTokens: 100, outputTokens: 2 },
        { promptTokens: 200, outputTokens: 2 },
        { arrivalMs: 3, promptTokens: 300 },
      ],
      backends: [backend({ latency, dp: 3, lockstep: true })],
    })
    // Both prompts end at 25 ms; the third rank has been idle, and waits for the others to start: 5 + 30 ms.
    expect([...run.outcomes.firstTokenMs]).toEqual([25, 25, 60])
    expect([...run.outcomes.finishedMs]).toEqual([60, 60, 60])
  })

  test.each([1, 2])('in lockstep ranks wait for what they share; %d times as slow', (factor) => {
    const sharing: LatencyModel = {
      ...latency,
      sharedMs: (step, all) =>
        0.05 * (all.prefillTokens - step.prefillTokens) + all.decodeRequests - step.decodeRequests,
    }
    const run = tinyRun({
      stepper,
      requests: [
        { promptTokens: 100, outputTokens: 3 },
        { promptTokens: 200, outputTokens: 2 },
      ],
      backends: [backend({ latency: sharing, dp: 2, lockstep: true })],
      events: factor === 1 ? [] : [{ kind: 'slow', atMs: 0, backend: 0, factor }],
    })
    // Alone 15 and 25 ms; with the prompt of the other 10 and 5 more. Then a token each in 6 + 1 ms, and one alone in 6.
    expect([...run.outcomes.firstTokenMs]).toEqual([30 * factor, 30 * factor])
    expect([...run.outcomes.finishedMs]).toEqual([43 * factor, 37 * factor])
    expect(run.backends[0]!.busyMs).toBe((43 * factor + 37 * factor) / 2)
  })

  describe('prompts begin together', () => {
    const together = (timeoutSteps: number, batchingSteps: number): BackendSpec =>
      backend({
        latency,
        dp: 2,
        lockstep: true,
        promptsTogether: { timeoutSteps, batchingSteps },
      })
    const decoding = [
      { promptTokens: 100, outputTokens: 40 },
      { promptTokens: 100, outputTokens: 40 },
    ]

    test('in the step in which every rank has one', () => {
      const run = tinyRun({
        stepper,
        requests: [
          ...decoding,
          { arrivalMs: 16, promptTokens: 100 },
          { arrivalMs: 28, promptTokens: 200 },
        ],
        backends: [together(50, 0)],
      })
      // Steps of decodes end at 21, 27 and 33 ms; then the longer prompt and a decode take 26.
      expect([...run.outcomes.firstTokenMs]).toEqual([15, 15, 59, 59])
    })

    test('or after some steps although one has none', () => {
      const run = tinyRun({
        stepper,
        requests: [...decoding, { arrivalMs: 16, promptTokens: 100 }],
        backends: [together(3, 0)],
      })
      // Not every rank has a prompt at 15, 21 and 27 ms.
      expect([...run.outcomes.firstTokenMs]).toEqual([15, 15, 43])
    })

    test('more are awaited for some steps', () => {
      const run = tinyRun({
        stepper,
        requests: [
          ...decoding,
          { arrivalMs: 16, promptTokens: 100 },
          { arrivalMs: 16, promptTokens: 100 },
          { arrivalMs: 22, promptTokens: 100 },
        ],
        backends: [together(50, 2)],
      })
      // All have one at 21 and 27 ms; at 33 they begin, the third with them: the first rank has two, and takes 26.
      expect([...run.outcomes.firstTokenMs]).toEqual([15, 15, 59, 59, 59])
    })

    test('at once where a rank has nothing to decode', () => {
      const run = tinyRun({
        stepper,
        requests: [
          { promptTokens: 100, outputTokens: 40 },
          { arrivalMs: 16, promptTokens: 100 },
        ],
        backends: [together(50, 0)],
      })
      expect([...run.outcomes.firstTokenMs]).toEqual([15, 36])
    })

    test('beside one that is under way, which is no decode', () => {
      const run = tinyRun({
        stepper,
        requests: [
          { promptTokens: 50, outputTokens: 100 },
          { promptTokens: 1500, outputTokens: 2 },
          { arrivalMs: 16, promptTokens: 40, outputTokens: 2 },
        ],
        backends: [{ ...together(50, 0), maxBatchTokens: 100 }],
      })
      // Steps with chunks of 100 tokens last 15 ms.
      expect(run.outcomes.firstTokenMs[2]).toBe(45)
    })

    test('what was computed elsewhere is not held back', () => {
      const run = tinyRun({
        stepper,
        requests: [
          { promptTokens: 100, outputTokens: 200 },
          { promptTokens: 100, outputTokens: 200 },
          { arrivalMs: 100, promptTokens: 100, outputTokens: 5 },
        ],
        backends: [backend({ role: 'prefill', latency }), { ...together(50, 0), role: 'decode' }],
        router: pairsInTurn(),
      })
      // Its prompt is computed at 115 ms, within a step of decodes of 6 ms.
      expect(run.outcomes.transferStartMs![2]).toBeLessThan(122)
    })

    test('those whose KV comes from lower tiers are prompts as well', () => {
      const tier = { name: 'host', blocks: 10_000, latencyMs: 1, msPerBlock: 0 }
      const pair = (arrivalMs: number, names: readonly [string, string]): TinyRequest[] =>
        names.map((name) => ({ arrivalMs, promptTokens: 640, shared: name }))
      const run = tinyRun({
        stepper,
        requests: [
          ...pair(0, ['a', 'b']),
          ...pair(200, ['c', 'd']),
          ...[0, 1].map(() => ({ arrivalMs: 400, promptTokens: 30, outputTokens: 200 })),
          ...['a', 'b'].map((shared) => ({
            arrivalMs: 500,
            promptTokens: 641,
            shared,
            sharedTokens: 640,
          })),
        ],
        backends: [{ ...together(50, 0), kv: { blocks: 60, blockTokens: 16, tiers: [tier] } }],
      })
      for (const request of [6, 7]) expect(run.outcomes.admittedMs[request]).toBeLessThan(516)
    })

    test('steps of waiting are forgotten when the backend fails', () => {
      const later = [
        { arrivalMs: 100, promptTokens: 10, outputTokens: 40 },
        { arrivalMs: 100, promptTokens: 10, outputTokens: 40 },
        { arrivalMs: 116, promptTokens: 10 },
        { arrivalMs: 116, promptTokens: 10 },
      ]
      const admitted = (requests: readonly TinyRequest[]): number =>
        tinyRun({
          stepper,
          requests,
          backends: [together(50, 4)],
          events: [
            { atMs: 35, backend: 0, kind: 'fail' },
            { atMs: 50, backend: 0, kind: 'recover' },
          ],
        }).outcomes.admittedMs.at(-1)!
      const waiting = [16, 16].map((arrivalMs) => ({ arrivalMs, promptTokens: 10 }))
      const before = [...decoding, ...waiting]
      expect(admitted([...before, ...later])).toBe(admitted(later))
    })

    test('not before a batch has room', () => {
      const run = tinyRun({
        stepper,
        requests: [
          { promptTokens: 100, outputTokens: 3 },
          { promptTokens: 100, outputTokens: 9 },
          { arrivalMs: 16, promptTokens: 100 },
          { arrivalMs: 16, promptTokens: 100 },
        ],
        backends: [{ ...together(50, 0), maxNumSeqs: 1 }],
      })
      // At 27 ms the first rank has nothing to decode: its prompt begins; the other's batch is full until 74.
      expect(run.outcomes.firstTokenMs[2]).toBe(42)
    })
  })

  test('routers see sums over ranks, and the longest match', () => {
    const seen: unknown[] = []
    tinyRun({
      stepper,
      requests: [
        { promptTokens: 64, shared: 'x', outputTokens: 5 },
        { promptTokens: 128, outputTokens: 5 },
        { arrivalMs: 1, promptTokens: 10 },
        { arrivalMs: 40, promptTokens: 100, shared: 'x', sharedTokens: 64 },
      ],
      backends: [backend({ latency, dp: 2, kv: { blocks: 16, blockTokens: 16 } })],
      router: {
        name: 'looks',
        route: (request, cluster) => {
          const [only] = cluster.backends
          const { waiting, running, outstanding, pendingPromptTokens, kvUsage } = only!
          const [match] = [...Array.from(cluster.prefixMatch(request))]
          seen.push({ waiting, running, outstanding, pendingPromptTokens, kvUsage, match })
          expect(cluster.columns.outstanding[0]).toBe(outstanding)
          return only!
        },
      },
    })
    expect(seen[2]).toEqual({
      waiting: 0,
      running: 2,
      outstanding: 2,
      pendingPromptTokens: 192,
      kvUsage: 12 / 32,
      match: 0,
    })
    expect(seen[3]).toMatchObject({ pendingPromptTokens: 0, match: 64 })
  })

  test('a queue that is full is that of the backend', () => {
    const run = tinyRun({
      stepper,
      requests: [{}, {}, {}, {}],
      backends: [backend({ dp: 2, maxQueueDepth: 3 })],
    })
    expect(run.rejectReasons).toEqual(['queue_full'])
    expect([...run.outcomes.backend]).toEqual([0, 0, 0, -1])
  })

  test('so it is for requests that a router lets go at once', () => {
    const run = tinyRun({
      stepper,
      requests: [{}, {}, {}, {}],
      backends: [backend({ dp: 2, maxQueueDepth: 3 })],
      router: {
        name: 'flood',
        route: ({ id }, cluster) => {
          if (id === 0) cluster.timer('open', 1)
          return hold()
        },
        onTimer: (_id, cluster) => {
          for (const id of [0, 1, 2, 3]) cluster.release(id, cluster.backends[0]!)
        },
      },
    })
    expect(run.rejectReasons).toEqual(['queue_full'])
    expect([...run.outcomes.backend]).toEqual([0, 0, 0, -1])
  })

  test('and for prompts that are to be decoded at once', () => {
    const run = tinyRun({
      stepper,
      requests: [1, 2, 3, 4].map(() => ({ outputTokens: 2 })),
      backends: [
        ...[0, 1, 2, 3].map(() => backend({ role: 'prefill', latency })),
        backend({ role: 'decode', latency, dp: 2, maxQueueDepth: 3 }),
      ],
      router: {
        name: 'flood',
        route: ({ id }, { backends }) => prefillOn(backends[id]!),
        routeDecode: (request, cluster) => {
          if (request.id === 3)
            for (const id of [0, 1, 2]) cluster.release(id, cluster.backends[4]!)
          return request.id === 3 ? cluster.backends[4]! : hold()
        },
      },
    })
    expect(run.rejectReasons).toEqual(['queue_full'])
  })
})

test('steps of ranks are reported as steps of their backend', () => {
  const backends = new Set<number>()
  tinyRun({
    requests: [{}, {}, {}, {}],
    backends: [backend({ dp: 2 }), backend({ dp: 2 })],
    recorder: { stepCompleted: (id) => backends.add(id) },
  })
  expect([...backends].sort()).toEqual([0, 1])
})

test.each([0, 1.5])('%s ranks are refused', (dp) => {
  expect(() => tinyRun({ requests: [{}], backends: [backend({ dp })] })).toThrow(
    `cluster.backends[0].dp: expected an integer >= 1, got ${dp}`,
  )
})

test.each([
  [{}, 'promptsTogether: expected ranks in lockstep, got nothing'],
  [{ dp: 2 }, 'promptsTogether: expected ranks in lockstep, got nothing'],
  [
    { dp: 2, lockstep: true, promptsTogether: { timeoutSteps: 0, batchingSteps: 0 } },
    'promptsTogether.timeoutSteps: expected an integer >= 1, got 0',
  ],
  [
    { dp: 2, lockstep: true, promptsTogether: { timeoutSteps: 1, batchingSteps: -1 } },
    'promptsTogether.batchingSteps: expected an integer >= 0, got -1',
  ],
] as const)('prompts that can not begin together are refused: %j', (ranks, message) => {
  const promptsTogether = { timeoutSteps: 50, batchingSteps: 10 }
  const backends = [backend({ promptsTogether, ...ranks })]
  expect(() => tinyRun({ requests: [{}], backends })).toThrow(`cluster.backends[0].${message}`)
})
