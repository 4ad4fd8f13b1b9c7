import { awaitedBy, OUTCOME } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { randomStory } from '../testing/random-story.js'
import { backend, STEPPERS, tinyRun } from '../testing/tiny-run.js'

const tenMsSteps = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 0,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})
const backends = [backend({ latency: tenMsSteps })]
const turn = { promptTokens: 4, outputTokens: 2 }

describe.each(STEPPERS)('requests that wait for others (%s)', (stepper) => {
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

  test('come when all agents that worked side by side have ended', () => {
    const requests = [
      turn,
      { ...turn, predecessor: 0, outputTokens: 9 },
      { ...turn, predecessor: 0, outputTokens: 4 },
      { ...turn, predecessor: 0, thinkMs: 30 },
      { ...turn, predecessor: 3, joins: [1, 2, 1], thinkMs: 5 },
    ]
    const run = tinyRun({ stepper, requests, backends })
    expect([...run.outcomes.finishedMs]).toEqual([20, 110, 60, 70, 135])
    expect(run.sentMs[4]).toBe(115)
    expect(awaitedBy(run.requests, 4)).toEqual([3, 1, 2])
    expect(awaitedBy(run.requests, 3)).toEqual([0])
    expect(awaitedBy(run.requests, 0)).toEqual([])
  })

  test('are given up once when several of those they wait for are refused', () => {
    const requests = [
      turn,
      turn,
      turn,
      { ...turn, predecessor: 0, joins: [1, 2] },
      { ...turn, predecessor: 3, joins: [0] },
      { ...turn, predecessor: 2 },
    ]
    const run = tinyRun({
      stepper,
      requests,
      router: {
        name: 'only the third',
        route: ({ id }, { backends: [only] }) =>
          id < 2 ? { kind: 'reject', reason: 'no' } : only!,
      },
    })
    expect([...run.outcomes.outcome]).toEqual([2, 2, 1, 5, 5, 1])
    expect(run.complete).toBe(true)
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
    expect([...run.outcomes.outcome]).toEqual([2, 5, 5, 1])
    expect(run.rejectReasons).toEqual(['no', 'predecessor_not_completed'])
    expect([...run.outcomes.rejectReason]).toEqual([0, 1, 1, -1])
  })

  test('come after a refusal too when any end will do', () => {
    const requests = [
      turn,
      { ...turn, predecessor: 0 },
      { ...turn, predecessor: 1 },
      // The next conversation: it begins when the last turn of the one before will not come.
      { ...turn, predecessor: 2, thinkMs: 5, anyEnd: true },
      { ...turn, predecessor: 3, thinkMs: 7, anyEnd: true },
      { ...turn, predecessor: 4, joins: [0, 2], thinkMs: 1, anyEnd: true },
    ]
    const run = tinyRun({
      stepper,
      requests,
      backends,
      router: {
        name: 'not the second',
        route: ({ id }, { backends: [only] }) =>
          id === 1 ? { kind: 'reject', reason: 'no' } : only!,
      },
    })
    expect([...run.outcomes.outcome]).toEqual([1, 2, 5, 1, 1, 1])
    // The first ends at 20 ms, and so does the second as soon as it is sent.
    expect([...run.sentMs]).toEqual([0, 20, 0, 25, 52, 73])
    expect(run.complete).toBe(true)
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
    let joins = 0
    for (let seed = 2; seed < 600; seed += 5) {
      const story = randomStory(seed, 'plain')
      const run = tinyRun({ ...story, stepper, maxInFlight: 3 })
      const { sentMs, outcomes, requests } = run
      const wasSent = (i: number): boolean => outcomes.outcome[i] !== OUTCOME.unsent
      for (let i = 0; i < requests.size; i++) {
        const awaited = outcomes.outcome[i] === 1 ? awaitedBy(requests, i) : []
        if (awaited.length > 1) joins++
        for (const before of awaited) {
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
    expect(joins).toBeGreaterThan(100)
  })
})

test('a request can not wait for one that comes later', () => {
  const requests = [
    { ...turn, arrivalMs: 5 },
    { ...turn, arrivalMs: 1, predecessor: 0 },
  ]
  expect(() => tinyRun({ requests })).toThrow('expected a request that arrives before it')
  const joined = [
    { ...turn, arrivalMs: 5 },
    turn,
    { ...turn, arrivalMs: 1, predecessor: 1, joins: [0] },
  ]
  expect(() => tinyRun({ requests: joined })).toThrow(
    'request 1: joins: expected a request that arrives before it',
  )
})

test('plain tables have no columns for what they do not use', () => {
  const { requests } = tinyRun({ requests: [turn] })
  expect(Object.keys(requests)).not.toContain('predecessor')
  expect(Object.keys(requests)).not.toContain('deadlineMs')
})
