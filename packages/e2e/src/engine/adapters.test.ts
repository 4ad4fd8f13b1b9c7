import { type BackendView, OUTCOME, type RunResult } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { evenLatency } from '../testing/even-latency.js'
import { randomStory } from '../testing/random-story.js'
import {
  backend,
  inTurn,
  STEPPERS,
  seeing,
  type TinyRequest,
  tinyRun,
} from '../testing/tiny-run.js'

const latency = evenLatency(5)

describe.each(STEPPERS)('%s stepper', (stepper) => {
  const run = (slots: number, requests: readonly TinyRequest[], loadMs = 30): RunResult =>
    tinyRun({ stepper, requests, backends: [backend({ latency, adapters: { slots, loadMs } })] })

  test('a step waits for the adapters it needs, and those that stay cost nothing', () => {
    const { outcomes, backends } = run(2, [
      { promptTokens: 100, adapter: 'a' },
      { arrivalMs: 100, promptTokens: 100, adapter: 'a' },
      { arrivalMs: 200, promptTokens: 100 },
    ])
    expect([...outcomes.firstTokenMs]).toEqual([45, 115, 215])
    expect(backends[0]!.adapterLoads).toBe(1)
  })

  test('one whose adapter has no slot is passed over until one is free', () => {
    const { outcomes } = run(1, [
      { promptTokens: 100, outputTokens: 3, adapter: 'a' },
      { promptTokens: 100, adapter: 'b' },
      { promptTokens: 100 },
      { promptTokens: 100, adapter: 'a' },
    ])
    // Three prompts and the load of a to 65 ms; two decodes to 77; then b and its load.
    expect([...outcomes.firstTokenMs]).toEqual([65, 77 + 45, 65, 65])
    expect([...outcomes.admittedMs]).toEqual([0, 77, 0, 0])
  })

  test('the adapter that was used longest ago makes room', () => {
    const at = (arrivalMs: number, adapter: string): TinyRequest => ({
      arrivalMs,
      promptTokens: 100,
      adapter,
    })
    const { backends, outcomes } = run(2, [
      at(0, 'a'),
      at(100, 'b'),
      at(200, 'a'),
      // In place of b, not of a.
      at(300, 'c'),
      at(400, 'a'),
      at(500, 'b'),
    ])
    const ttft = [...outcomes.firstTokenMs].map((ms, i) => ms - 100 * i)
    expect(ttft).toEqual([45, 45, 15, 45, 15, 45])
    expect(backends[0]!.adapterLoads).toBe(4)
  })

  test('KV of one adapter is none of another', () => {
    const prompt = { promptTokens: 64, shared: 'system' }
    const { outcomes } = run(4, [
      prompt,
      { ...prompt, arrivalMs: 100, adapter: 'a' },
      { ...prompt, arrivalMs: 200, adapter: 'a' },
      { ...prompt, arrivalMs: 300, adapter: 'b' },
      { ...prompt, arrivalMs: 400 },
    ])
    expect([...outcomes.cachedTokens]).toEqual([0, 0, 48, 0, 48])
  })

  test('routers see which adapters a backend has, when metrics tell them', () => {
    const seen: unknown[] = []
    const router = inTurn()
    const look = (b: BackendView) => b.adapters && { ...b.adapters }
    tinyRun({
      stepper,
      requests: [
        { promptTokens: 100, outputTokens: 20, adapter: 'b' },
        { arrivalMs: 1, promptTokens: 100, adapter: 'a' },
        { arrivalMs: 60, promptTokens: 100 },
      ],
      backends: [backend({ latency, adapters: { slots: 1, loadMs: 0 } })],
      visibility: seeing({ metrics: { intervalMs: 50, delayMs: 0, dropProbability: 0 } }),
      router: {
        name: 'looks',
        route: (request, cluster) => {
          seen.push(look(cluster.backends[0]!))
          return router.route(request, cluster)
        },
      },
    })
    const none = { slots: 1, loaded: [], running: [], waiting: [] }
    expect(seen).toEqual([none, none, { slots: 1, loaded: ['b'], running: ['b'], waiting: ['a'] }])
  })
})

test('no more adapters than slots, and nobody starves: random runs', () => {
  let loads = 0
  let full = 0
  for (let seed = 4; seed < 4000; seed += 14) {
    const story = randomStory(seed, 'ties')
    const router = [story.router ?? inTurn()].flat()[0]!
    const { outcomes, backends } = tinyRun({
      ...story,
      router: {
        ...router,
        route: (request, cluster) => {
          for (const { adapters } of cluster.backends) {
            if (adapters === undefined) continue
            expect(adapters.loaded.length).toBeLessThanOrEqual(adapters.slots)
            expect(adapters.loaded).toEqual(expect.arrayContaining([...adapters.running]))
            if (adapters.running.length === adapters.slots && adapters.waiting.length > 0) full++
          }
          return router.route(request, cluster)
        },
      },
    })
    expect(outcomes.outcome.includes(OUTCOME.unfinished)).toBe(false)
    for (const { adapterLoads = 0 } of backends) loads += adapterLoads
  }
  expect(loads).toBeGreaterThan(500)
  // The stories reach what they are meant to reach.
  expect(full).toBeGreaterThan(100)
})

test.each([
  [{ slots: 0, loadMs: 1 }, 'slots: expected an integer >= 1, got 0'],
  [{ slots: 1, loadMs: -1 }, 'loadMs: expected a number >= 0, got -1'],
])('%o is refused', (adapters, message) => {
  expect(() => tinyRun({ requests: [{}], backends: [backend({ adapters })] })).toThrow(
    `cluster.backends[0].adapters.${message}`,
  )
})
