// Routers that hold and move requests, in runs.
import {
  aibrixSlo,
  aibrixVtc,
  dualmap,
  llumnix,
  preble,
  productionStackPrefixAware,
  rayPrefixAffinity,
  skywalker,
} from '@routesim/algorithms'
import { OUTCOME, type RunResult } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { randomStory } from '../testing/random-story.js'
import { backend, type Stepper, seeing, tinyRun } from '../testing/tiny-run.js'

test.each([
  aibrixSlo,
  aibrixVtc,
  dualmap,
  llumnix,
  preble,
  productionStackPrefixAware,
  rayPrefixAffinity,
  skywalker,
])('$name loses nothing, whatever happens, and both steppers agree', (definition) => {
  for (let seed = 0; seed < 120; seed++) {
    const story = randomStory(seed, 'ties')
    if (story.backends!.some(({ role }) => role !== 'both')) continue
    const run = (stepper: Stepper) =>
      // Conservation of requests, tokens and blocks is checked by the engine after every run.
      tinyRun({ ...randomStory(seed, 'ties'), router: definition.create(), stepper })
    const [fast, reference] = [run('fast'), run('reference')]
    expect(fast.outcomes.backend, `${seed}`).toEqual(reference.outcomes.backend)
    expect(fast.outcomes.finishedMs, `${seed}`).toEqual(reference.outcomes.finishedMs)
  }
})

const latency = affineLatency({
  baseMs: 5,
  prefillMsPerToken: 0.05,
  decodeMsPerRequest: 0.05,
  decodeMsPerContextToken: 0,
})

/**
 * Two backends in turn, of which the first gets all the long answers, as nobody can know when they come: six of
 * 800 tokens in all, where there is room for 3,200.
 */
function unforeseeable(migration: boolean): RunResult {
  const kv = { blocks: 200, blockTokens: 16 }
  return tinyRun({
    backends: [backend({ latency, kv }), backend({ latency, kv })],
    requests: Array.from({ length: 12 }, (_, i) => ({
      arrivalMs: i,
      promptTokens: 100,
      outputTokens: i % 2 === 0 ? 700 : 10,
    })),
    router: llumnix.create({ migration, threshold: 20 }),
  })
}

test('Llumnix moves answers that grow, and fewer requests are preempted', () => {
  const [moving, staying] = [unforeseeable(true), unforeseeable(false)]
  const moved = moving.outcomes.backend.filter((id, i) => id !== moving.outcomes.prefillBackend[i])
  const preemptions = ({ backends }: RunResult) =>
    backends.reduce((sum, each) => sum + each.preemptions, 0)
  expect(moved.length).toBeGreaterThan(0)
  expect(preemptions(staying)).toBeGreaterThan(0)
  expect(preemptions(moving)).toBe(0)
  expect(moving.endMs).toBeLessThan(staying.endMs)
})

test('SkyWalker keeps what it can not place at once, and herds when metrics are old', () => {
  const story = {
    backends: Array.from({ length: 4 }, () => backend({ latency, maxNumSeqs: 2 })),
    requests: Array.from({ length: 32 }, () => ({ promptTokens: 400, outputTokens: 20 })),
  }
  const now = tinyRun({ ...story, router: skywalker.create() })
  const old = tinyRun({
    ...story,
    router: skywalker.create(),
    visibility: seeing({ metrics: { intervalMs: 100, delayMs: 0, dropProbability: 0 } }),
  })
  const deepest = (run: RunResult) =>
    run.backends.reduce((sum, each) => sum + each.waitingRequestMs, 0)
  for (const run of [now, old])
    expect(run.outcomes.outcome.every((outcome) => outcome === OUTCOME.completed)).toBe(true)
  expect(deepest(now)).toBeLessThan(deepest(old) / 2)
})

test('AIBrix keeps what its profile has no room for, so that backends hardly queue', () => {
  const story = {
    backends: Array.from({ length: 4 }, () => backend({ latency, maxNumSeqs: 4 })),
    requests: Array.from({ length: 64 }, (_, i) => ({
      arrivalMs: i,
      promptTokens: i % 3 === 0 ? 900 : 100,
      outputTokens: 20,
    })),
  }
  // Four at a time: 5.4 ms a token with four in a batch, as the engine above has it.
  const profile = { prefill_tokens_per_sec: 20_000, tpot_ms: 5.2, decode_tokens_per_sec: 770 }
  const queued = (pulls: boolean): number => {
    const run = tinyRun({ ...story, router: aibrixSlo.create({ ...profile, pulls }) })
    expect(run.outcomes.outcome.every((outcome) => outcome === OUTCOME.completed)).toBe(true)
    return run.backends.reduce((sum, each) => sum + each.waitingRequestMs, 0)
  }
  expect(queued(true)).toBeLessThan(queued(false) / 5)
})
