import { OUTCOME, type RequestTable, type RunResult, type StepShape } from '@routesim/core'
import { expect, test } from 'vitest'
import { eachGapRun } from '../testing/gap-runs.js'
import { randomStory, untroubled } from '../testing/random-story.js'
import { backend, pairsInTurn, tinyRun } from '../testing/tiny-run.js'

const STORIES = 1500

interface Observed {
  readonly run: RunResult
  readonly steps: { backend: number; startMs: number; durationMs: number; shape: StepShape }[]
  /** Data-parallel ranks of each backend. */
  readonly ranks: readonly number[]
  /** Output tokens after the first, of measured requests. */
  readonly tokens: number
}

/** Runs a random story and notes every step and every token. */
function observe(seed: number): Observed {
  const story = untroubled(randomStory(seed))
  const steps: Observed['steps'] = []
  let tokens = 0
  const run = tinyRun({
    ...story,
    recorder: {
      stepCompleted: (backend, startMs, durationMs, shape) => {
        steps.push({ backend, startMs, durationMs, shape: { ...shape } })
      },
      tokenGaps: eachGapRun((baseMs, slopeMs, steps, requests) => {
        expect(baseMs + slopeMs * (steps - 1)).toBeGreaterThan(0)
        tokens += steps * requests
      }),
    },
  })
  return { run, steps, ranks: story.backends!.map(({ dp = 1 }) => dp), tokens }
}

function checkRequests({ run, tokens }: Observed, requests: RequestTable): void {
  const { outcomes, rejectReasons } = run
  let expectedTokens = 0
  for (let i = 0; i < requests.size; i++) {
    const ttft = outcomes.firstTokenMs[i]! - requests.arrivalMs[i]!
    const e2e = outcomes.finishedMs[i]! - requests.arrivalMs[i]!
    if (outcomes.outcome[i] === OUTCOME.rejected || outcomes.outcome[i] === OUTCOME.unsent) {
      expect(rejectReasons[outcomes.rejectReason[i]!]).toMatch(
        outcomes.outcome[i] === OUTCOME.unsent
          ? /predecessor_not_completed/
          : /queue_full|exceeds_(chosen_)?kv_cache/,
      )
      expect(outcomes.finishedMs[i]).toBeNaN()
      continue
    }
    if (outcomes.outcome[i] === OUTCOME.failed) {
      // Only a router that decides where to decode when the prompt is computed comes that far.
      expect(rejectReasons[outcomes.rejectReason[i]!]).toMatch(
        /no_room|queue_full|exceeds_kv_cache/,
      )
      expect([outcomes.backend[i], outcomes.finishedMs[i]! >= outcomes.firstTokenMs[i]!]).toEqual([
        -1,
        true,
      ])
      continue
    }
    expect(outcomes.outcome[i]).toBe(OUTCOME.completed)
    expect(outcomes.admittedMs[i]).toBeGreaterThanOrEqual(requests.arrivalMs[i]!)
    expect(e2e).toBeGreaterThan(0)
    expect(outcomes.cachedTokens[i]).toBeLessThan(requests.promptTokens[i]!)
    const output = requests.outputTokens[i]!
    if (output > 0) expect(ttft).toBeLessThanOrEqual(e2e)
    else expect(ttft).toBeNaN()
    if (i >= run.warmupRequests) expectedTokens += Math.max(0, output - 1)
  }
  expect(tokens).toBe(expectedTokens)
}

function checkBackends({ run, steps, ranks }: Observed): void {
  for (const totals of run.backends) {
    const own = steps.filter(({ backend }) => backend === totals.id)
    // Steps of several ranks overlap.
    for (let i = 1; i < own.length && ranks[totals.id] === 1; i++) {
      const endMs = own[i - 1]!.startMs + own[i - 1]!.durationMs
      expect(own[i]!.startMs).toBeGreaterThanOrEqual(endMs - 1e-9)
    }
    for (const { durationMs } of own) expect(durationMs).toBeGreaterThan(0)
    const wallMs = Math.max(0, run.endMs - run.measuredFromMs)
    expect(totals.busyMs).toBeLessThanOrEqual(wallMs * (1 + 1e-12) + 1e-9)
    expect(totals.heldBlocks).toBe(0)
    expect(totals.cachedBlocks).toBeLessThanOrEqual(totals.totalBlocks)
  }
}

test(`requests, tokens, blocks and time are conserved in ${STORIES} random runs`, () => {
  let preemptions = 0
  let rejections = 0
  let hits = 0
  for (let seed = 0; seed < STORIES; seed++) {
    const observed = observe(seed)
    checkRequests(observed, observed.run.requests)
    checkBackends(observed)
    preemptions += observed.run.outcomes.preemptions.reduce((sum, count) => sum + count, 0)
    rejections += observed.run.outcomes.outcome.filter((o) => o === OUTCOME.rejected).length
    hits += observed.run.outcomes.cachedTokens.filter((tokens) => tokens > 0).length
  }
  // The stories reach what they are meant to reach.
  expect(Math.min(preemptions, rejections, hits)).toBeGreaterThan(1000)
})

test('the same story ends the same way, to the last bit', () => {
  for (let seed = 0; seed < 200; seed++) {
    const { run: first } = observe(seed)
    const { run: second } = observe(seed)
    expect(second.outcomes).toEqual(first.outcomes)
    expect(second.backends).toEqual(first.backends)
  }
})

test('backends that prefill and decode for each other do not block each other for ever', () => {
  const spec = backend({ kv: { blocks: 12, blockTokens: 4 }, maxBatchTokens: 64 })
  const run = tinyRun({
    requests: Array.from({ length: 40 }, (_, i) => ({
      arrivalMs: i,
      promptTokens: 40,
      outputTokens: 5,
    })),
    backends: [spec, spec],
    router: {
      name: 'crosswise',
      route: (request, cluster) => {
        const [a, b] = cluster.backends
        return request.id % 2 === 0
          ? { kind: 'disaggregate', prefill: a!, decode: b! }
          : { kind: 'disaggregate', prefill: b!, decode: a! }
      },
    },
  })
  expect(run.outcomes.outcome.every((outcome) => outcome === OUTCOME.completed)).toBe(true)
})

test('a cache of one prompt under pairs of pools still completes everything', () => {
  const spec = { kv: { blocks: 11, blockTokens: 4 }, maxBatchTokens: 16 }
  const run = tinyRun({
    requests: Array.from({ length: 30 }, () => ({ promptTokens: 40, outputTokens: 5 })),
    backends: [backend({ ...spec, role: 'prefill' }), backend({ ...spec, role: 'decode' })],
    router: pairsInTurn(),
  })
  expect(run.outcomes.outcome.every((outcome) => outcome === OUTCOME.completed)).toBe(true)
})
