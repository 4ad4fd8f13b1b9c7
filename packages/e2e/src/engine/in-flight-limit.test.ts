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

describe.each(STEPPERS)('a client with a limit (%s)', (stepper) => {
  test('sends the next request when one ends, in order', () => {
    const requests = [0, 1, 2, 100].map((arrivalMs) => ({
      arrivalMs,
      promptTokens: 4,
      outputTokens: 2,
    }))
    const run = tinyRun({
      stepper,
      requests,
      maxInFlight: 1,
      backends: [backend({ latency: tenMsSteps })],
    })
    expect([...run.sentMs]).toEqual([0, 20, 40, 100])
    expect([...run.outcomes.finishedMs]).toEqual([20, 40, 60, 120])
  })

  test('goes on after a refusal', () => {
    const requests = [0, 0, 0].map((arrivalMs) => ({ arrivalMs, promptTokens: 4, outputTokens: 1 }))
    const run = tinyRun({
      stepper,
      requests,
      maxInFlight: 1,
      router: { name: 'none', route: () => ({ kind: 'reject', reason: 'no' }) },
    })
    expect([...run.outcomes.outcome]).toEqual([2, 2, 2])
  })

  test('never has more than that in flight', () => {
    for (let seed = 0; seed < 50; seed++) {
      // Stories in which requests wait for each other are sent in another order.
      if (seed % 5 === 2) continue
      const run = tinyRun({ ...randomStory(seed, 'plain'), stepper, maxInFlight: 3 })
      const { sentMs, outcomes, requests } = run
      for (let i = 0; i < requests.size; i++) {
        expect(sentMs[i]).toBeGreaterThanOrEqual(requests.arrivalMs[i]!)
        const sent = sentMs[i]!
        let others = 0
        for (let j = 0; j < i; j++) if (outcomes.finishedMs[j]! > sent + 1e-6) others++
        expect(others).toBeLessThan(3)
      }
    }
  })
})

test('without a limit, requests are sent when they arrive', () => {
  const run = tinyRun({ requests: [{ arrivalMs: 3, promptTokens: 4, outputTokens: 1 }] })
  expect(run.sentMs).toBe(run.requests.arrivalMs)
})

test('a source of requests can not be held back', () => {
  const requests = { size: 1, next: () => false } as never
  expect(() => tinyRun({ requests, maxInFlight: 1 })).toThrow(
    'maxInFlight: expected a table of requests, got a source',
  )
})
