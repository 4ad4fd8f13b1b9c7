import {
  type BackendTotals,
  OUTCOME,
  type RunResult,
  Simulation,
  tableSource,
} from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { eachGapRun } from '../testing/gap-runs.js'
import { randomStory } from '../testing/random-story.js'
import {
  backend,
  cachesOf,
  inTurn,
  STEPPERS,
  type TinyRun,
  tinyRun,
  tinyTable,
} from '../testing/tiny-run.js'

interface Border {
  readonly nowMs: number
  readonly backends: readonly BackendTotals[]
  /** Tokens after the first that were told of by then. */
  readonly tokens: number
}

function observe(story: TinyRun): { run: RunResult; borders: Border[]; tokens: number } {
  const borders: Border[] = []
  let tokens = 0
  const run = tinyRun({
    ...story,
    recorder: {
      tokenGaps: eachGapRun((_base, _slope, steps, requests) => {
        tokens += steps * requests
      }),
      windowStarted: (nowMs, backends) => borders.push({ nowMs, backends, tokens }),
    },
  })
  return { run, borders, tokens }
}

describe.each(STEPPERS)('windows of a run (%s)', (stepper) => {
  test('by hand: what is done when the first request of the next window is sent', () => {
    const requests = [0, 100, 200, 300].map((arrivalMs) => ({ arrivalMs, outputTokens: 3 }))
    const { borders, tokens } = observe({ stepper, requests, windowStarts: [1, 3] })
    expect(borders.map(({ nowMs }) => nowMs)).toEqual([100, 300])
    expect(borders.map((border) => border.tokens)).toEqual([2, 6])
    expect(borders.map(({ backends: [one] }) => one!.prefillTokens)).toEqual([100, 300])
    expect(tokens).toBe(8)
  })

  test('change nothing, and begin with the first request that is sent of them or after', () => {
    for (let seed = 0; seed < 60; seed++) {
      // Routers have a state: each run has one of its own.
      const story = (): TinyRun => ({ ...randomStory(seed), stepper, warmupRequests: 1 })
      const { run: plain } = observe(story())
      const { size } = plain.requests
      if (size < 8) continue
      const windowStarts = [2, Math.floor(size / 2), Math.floor(size / 2) + 1]
      const { run, borders } = observe({ ...story(), windowStarts })
      expect({ ...run, requests: 0 }).toEqual({ ...plain, requests: 0 })
      const sentMs = run.sentMs.map((ms, row) =>
        run.outcomes.outcome[row] === OUTCOME.unsent ? Number.POSITIVE_INFINITY : ms,
      )
      for (const [i, { nowMs, backends }] of borders.entries()) {
        expect(nowMs).toBe(Math.min(...sentMs.subarray(windowStarts[i])))
        for (const [id, { steps, busyMs }] of backends.entries()) {
          const before = borders[i - 1]?.backends[id]
          expect(steps).toBeGreaterThanOrEqual(before?.steps ?? 0)
          expect(busyMs).toBeLessThanOrEqual(run.backends[id]!.busyMs + 1e-6)
        }
      }
    }
  })

  test('begin when the client sends, however early requests were there', () => {
    const requests = Array.from({ length: 6 }, () => ({ outputTokens: 2 }))
    const { run, borders } = observe({ stepper, requests, maxInFlight: 2, windowStarts: [2, 4] })
    expect(borders.map(({ nowMs }) => nowMs)).toEqual([run.sentMs[2], run.sentMs[4]])
    expect(borders[0]!.nowMs).toBeGreaterThan(0)
  })
})

test.each([
  [[0], 'windowStarts[0]: expected an integer >= 1, got 0'],
  [[2, 2], 'windowStarts[1]: expected an integer >= 3, got 2'],
  [[4], 'windowStarts[0]: expected an integer <= 3, got 4'],
  [[1.5], 'windowStarts[0]: expected an integer >= 1, got 1.5'],
])('windows that are none are refused: %j', (windowStarts, message) => {
  const requests = [{}, {}, {}, {}]
  expect(() => tinyRun({ requests, windowStarts })).toThrow(message)
})

test('requests of a source have no windows', () => {
  const options = {
    cluster: { backends: [backend()], kvCache: cachesOf('fast') },
    requests: tableSource(tinyTable([{}, {}])),
    ...{ router: inTurn(), seed: 1, windowStarts: [1] },
  }
  expect(() => new Simulation(options)).toThrow('windowStarts: expected a table of requests')
})
