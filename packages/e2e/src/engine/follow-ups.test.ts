import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { randomStory } from '../testing/random-story.js'
import { backend, tinyRun } from '../testing/tiny-run.js'

const tenMsSteps = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 0,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})
const backends = [backend({ latency: tenMsSteps })]
const turn = { promptTokens: 4, outputTokens: 2 }

describe.each(['fast', 'reference'] as const)('requests that wait for others (%s)', (stepper) => {
  test('come when those have ended and the user has thought', () => {
    const requests = [
      turn,
      { ...turn, predecessor: 0, thinkMs: 5 },
      { ...turn, predecessor: 1, thinkMs: 7 },
    ]
    const run = tinyRun({ stepper, requests, backends })
    expect([...run.sentMs]).toEqual([0, 25, 52])
    expect([...run.outcomes.finishedMs]).toEqual([20, 45, 72])
    expect(run.requests.arrivalMs[2]).toBe(0)
  })

  test('come no earlier than they arrive', () => {
    const requests = [turn, { ...turn, arrivalMs: 100, predecessor: 0, thinkMs: 5 }]
    expect([...tinyRun({ stepper, requests, backends }).sentMs]).toEqual([0, 100])
  })

  test('branch: two calls of one agent run side by side', () => {
    const requests = [
      turn,
      { ...turn, predecessor: 0 },
      { ...turn, predecessor: 0, thinkMs: 10 },
      { ...turn, predecessor: 2 },
    ]
    expect([...tinyRun({ stepper, requests, backends }).sentMs]).toEqual([0, 20, 30, 50])
  })

  test('are given up when what they wait for is refused', () => {
    const requests = [turn, { ...turn, predecessor: 0 }, { ...turn, predecessor: 1 }, turn]
    const run = tinyRun({
      stepper,
      requests,
      maxInFlight: 1,
      router: {
        name: 'not the first',
        route: ({ id }, { backends: [only] }) =>
          id === 0 ? { kind: 'reject', reason: 'no' } : only!,
      },
    })
    expect([...run.outcomes.outcome]).toEqual([2, 2, 2, 1])
    expect(run.rejectReasons).toEqual(['no', 'predecessor_rejected'])
    expect([...run.outcomes.rejectReason]).toEqual([0, 1, 1, -1])
  })

  test('routers see them arrive when they are sent', () => {
    const seen: number[] = []
    const requests = [
      turn,
      { ...turn, predecessor: 0, thinkMs: 5, sloClass: 'chat', deadlineMs: 9 },
    ]
    tinyRun({
      stepper,
      requests,
      backends,
      router: {
        name: 'looks',
        route: ({ arrivalMs, sloClass, deadlineMs }, { backends: [only] }) => {
          seen.push(arrivalMs)
          if (arrivalMs > 0)
            expect({ sloClass, deadlineMs }).toEqual({ sloClass: 'chat', deadlineMs: 9 })
          return only!
        },
      },
    })
    expect(seen).toEqual([0, 25])
  })

  test('never start before their predecessor has ended, and at most C are in flight', () => {
    let waits = 0
    for (let seed = 2; seed < 600; seed += 5) {
      const story = randomStory(seed, 'plain')
      const run = tinyRun({ ...story, stepper, maxInFlight: 3 })
      const { sentMs, outcomes, requests } = run
      const predecessor = requests.predecessor ?? new Int32Array(requests.size).fill(-1)
      const wasSent = (i: number): boolean =>
        outcomes.outcome[i] === 1 ||
        run.rejectReasons[outcomes.rejectReason[i]!] !== 'predecessor_rejected'
      for (let i = 0; i < requests.size; i++) {
        const before = predecessor[i]!
        if (before >= 0 && outcomes.outcome[i] === 1) {
          waits++
          expect(outcomes.outcome[before]).toBe(1)
          const earliest = outcomes.finishedMs[before]! + requests.thinkMs![i]!
          expect(sentMs[i]).toBeGreaterThanOrEqual(earliest * (1 - 1e-11))
        }
        if (!wasSent(i)) continue
        let inFlight = 0
        for (let j = 0; j < requests.size; j++) {
          if (outcomes.outcome[j] !== 1 || sentMs[j]! > sentMs[i]!) continue
          if (outcomes.finishedMs[j]! > sentMs[i]! * (1 + 1e-11)) inFlight++
        }
        expect(inFlight, `story ${seed}`).toBeLessThanOrEqual(3)
      }
    }
    expect(waits).toBeGreaterThan(500)
  })
})

test('a request can not wait for one that comes later', () => {
  const requests = [
    { ...turn, arrivalMs: 5 },
    { ...turn, arrivalMs: 1, predecessor: 0 },
  ]
  expect(() => tinyRun({ requests })).toThrow('expected a request that arrives before it')
})

test('plain tables have no columns for what they do not use', () => {
  const { requests } = tinyRun({ requests: [turn] })
  expect(Object.keys(requests)).not.toContain('predecessor')
  expect(Object.keys(requests)).not.toContain('deadlineMs')
})
