import { disaggregate } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { evenLatency } from '../testing/even-latency.js'
import { backend, STEPPERS, type TinyRun, tinyRun } from '../testing/tiny-run.js'

/** A step lasts 5 ms, 0.1 ms for each prompt token and 1 ms for each decode. */
const latency = evenLatency(5)

describe.each(STEPPERS)('%s stepper', (stepper) => {
  const run = (options: Omit<TinyRun, 'stepper'>): ReturnType<typeof tinyRun> =>
    tinyRun({ stepper, backends: [backend({ latency, pollSteps: 3 })], ...options })

  test('a scheduler looks for requests after three steps of decodes, or one with a prompt', () => {
    const { outcomes } = run({
      requests: [
        { promptTokens: 100, outputTokens: 40 },
        { arrivalMs: 16, promptTokens: 100 },
        { arrivalMs: 34, promptTokens: 100 },
      ],
    })
    // Steps end at 15, 21, 27 and 33 ms; then one with a prompt and a decode lasts 16, and so does the next.
    expect([...outcomes.firstTokenMs]).toEqual([15, 49, 65])
  })

  test('it looks at once when nobody runs', () => {
    const { outcomes } = run({
      requests: [
        { promptTokens: 100, outputTokens: 2 },
        { arrivalMs: 16, promptTokens: 100 },
        { arrivalMs: 100, promptTokens: 100 },
      ],
    })
    // The first decodes until 21 ms: one step of three.
    expect([...outcomes.firstTokenMs]).toEqual([15, 36, 115])
  })

  test('it looks while all it has waits for KV caches to come', () => {
    const { outcomes } = run({
      transfer: { latencyMs: 10_000, bandwidthBytesPerSec: 1, bytesPerToken: 0 },
      backends: [backend({ role: 'prefill', latency }), backend({ latency, pollSteps: 30 })],
      requests: [
        { promptTokens: 100, outputTokens: 40 },
        { arrivalMs: 100, promptTokens: 100 },
      ],
      router: {
        name: 'first apart',
        route: ({ id }, { backends: [prefill, both] }) =>
          id === 0 ? disaggregate(prefill!, both!) : both!,
      },
    })
    expect([...outcomes.firstTokenMs]).toEqual([15, 115])
  })

  test('who waits for room since it looked is admitted in any step', () => {
    const { outcomes } = run({
      backends: [backend({ latency, pollSteps: 100, maxNumSeqs: 1 })],
      requests: [
        { promptTokens: 100, outputTokens: 3 },
        { promptTokens: 100, outputTokens: 3 },
      ],
    })
    expect([...outcomes.firstTokenMs]).toEqual([15, 42])
  })

  test('who has not been looked at counts as waiting, and can be moved', () => {
    const seen: number[] = []
    const { outcomes } = run({
      backends: [backend({ latency, pollSteps: 100 }), backend({ latency })],
      requests: [
        { promptTokens: 100, outputTokens: 40 },
        { arrivalMs: 16, promptTokens: 100 },
        { arrivalMs: 18, promptTokens: 100 },
      ],
      router: {
        name: 'moves',
        migrates: true,
        route: ({ id }, cluster) => {
          seen.push(cluster.backends[0]!.waiting)
          if (id === 2) cluster.timer('move', 12)
          return cluster.backends[0]!
        },
        onTimer: (_, cluster) => cluster.migrate(1, cluster.backends[1]!, 'recompute'),
      },
    })
    expect(seen).toEqual([0, 0, 1])
    // The second begins elsewhere at 30 ms; the third when the first has ended, after 39 steps of decodes.
    expect([...outcomes.firstTokenMs]).toEqual([15, 45, 15 + 39 * 6 + 15])
    expect([...outcomes.backend]).toEqual([0, 1, 0])
  })

  test('what waits when a backend fails is lost with it', () => {
    const { outcomes } = run({
      requests: [
        { promptTokens: 100, outputTokens: 40 },
        { arrivalMs: 16, promptTokens: 100 },
        { arrivalMs: 50, promptTokens: 100 },
      ],
      events: [
        { atMs: 20, backend: 0, kind: 'fail' },
        { atMs: 40, backend: 0, kind: 'recover' },
      ],
    })
    expect([...outcomes.firstTokenMs]).toEqual([15, Number.NaN, 65])
  })
})

test.each([
  [{ pollSteps: 0 }, 'an integer >= 1, got 0'],
  [{ pollSteps: 2, dp: 2, lockstep: true }, '1 for ranks in lockstep, got 2'],
])('%j is refused', (spec, expected) => {
  expect(() => tinyRun({ requests: [{}], backends: [backend(spec)] })).toThrow(
    `cluster.backends[0].pollSteps: expected ${expected}`,
  )
})
