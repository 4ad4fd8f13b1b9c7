import { builtinLocalPolicies } from '@routesim/algorithms'
import {
  type ClusterView,
  disaggregate,
  OUTCOME,
  type RequestView,
  type RunResult,
} from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { LogHistogram } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { expectEqual } from '../testing/expect-equal.js'
import { eachGapRun } from '../testing/gap-runs.js'
import { randomStory } from '../testing/random-story.js'
import { backend, type Stepper, type TinyRun, tinyRun } from '../testing/tiny-run.js'

interface Observed {
  readonly run: RunResult
  readonly gaps: LogHistogram
}

function runWith(stepper: Stepper, story: TinyRun): Observed {
  const gaps = new LogHistogram()
  const run = tinyRun({
    ...story,
    stepper,
    recorder: {
      tokenGaps: eachGapRun((...run) => gaps.addSeries(...run)),
    },
  })
  return { run, gaps }
}

/** Requests in the order of their priority, which lose their blocks in the opposite order. */
function urgentFirst() {
  return builtinLocalPolicies.find(({ name }) => name === 'priority')!.configure({})
}

/** Everything that is counted. */
function counters({ run, gaps }: Observed) {
  const { outcomes, rejectReasons, backends } = run
  return {
    rejectReasons,
    outcome: outcomes.outcome,
    backend: outcomes.backend,
    prefillBackend: outcomes.prefillBackend,
    cachedTokens: outcomes.cachedTokens,
    loadedTokens: outcomes.loadedTokens,
    preemptions: outcomes.preemptions,
    attempts: outcomes.attempts,
    rejectReason: outcomes.rejectReason,
    gaps: gaps.count,
    backends: backends.map(
      ({ busyMs: _, waitingRequestMs: __, runningRequestMs: ___, tiers, ...rest }) => ({
        ...rest,
        tiers: tiers?.map(({ loadMs: _, ...counts }) => counts),
      }),
    ),
  }
}

/** Everything that is measured in time. */
function times({ run, gaps }: Observed): Record<string, number[]> {
  const { outcomes, backends } = run
  return {
    admittedMs: [...outcomes.admittedMs],
    firstTokenMs: [...outcomes.firstTokenMs],
    finishedMs: [...outcomes.finishedMs],
    busyMs: backends.map(({ busyMs }) => busyMs),
    loadMs: backends.flatMap(({ tiers = [] }) => tiers.map(({ loadMs }) => loadMs)),
    waitingRequestMs: backends.map(({ waitingRequestMs }) => waitingRequestMs),
    runningRequestMs: backends.map(({ runningRequestMs }) => runningRequestMs),
    gaps: [gaps.sum, gaps.min, gaps.max],
  }
}

/** Expects of the portable stepper what the fast one gave, to the last bit. */
function expectSame(fast: Observed, story: TinyRun): void {
  const portable = runWith('portable', story)
  const quantiles = ({ gaps }: Observed) => [0, 0.1, 0.5, 0.9, 1].map((q) => gaps.quantile(q))
  const all = (each: Observed) => JSON.stringify([counters(each), times(each), quantiles(each)])
  expect(all(portable)).toBe(all(fast))
}

/** The largest relative difference; infinite where one lacks what the other has. */
function difference(a: readonly number[], b: readonly number[]): number {
  let worst = 0
  for (const [i, value] of a.entries()) {
    if (Number.isNaN(value) !== Number.isNaN(b[i]!)) return Number.POSITIVE_INFINITY
    if (!Number.isNaN(value)) {
      worst = Math.max(worst, Math.abs(value - b[i]!) / Math.max(1, Math.abs(value)))
    }
  }
  return worst
}

test.each(['plain', 'decimal'] as const)(
  'the fast stepper gives what the reference gives in 2,000 runs: %s',
  (kind) => {
    for (let seed = 0; seed < 2000; seed++) {
      const fast = runWith('fast', { ...randomStory(seed, kind), wideFrom: 1 + (seed % 8) })
      const reference = runWith('reference', randomStory(seed, kind))
      expectEqual(counters(fast), counters(reference), `${kind} ${seed}`)
      expectSame(fast, { ...randomStory(seed, kind), wideFrom: 1 + (seed % 8) })
      const expected = times(reference)
      for (const [name, values] of Object.entries(times(fast))) {
        expect(difference(values, expected[name]!), `${kind} ${seed}: ${name}`).toBeLessThan(1e-9)
      }
    }
  },
)

test.each(['ties', 'stress'] as const)(
  'to the last bit in 2,000 runs of exact numbers: %s',
  (kind) => {
    let preemptions = 0
    let evictions = 0
    const ends = new Float64Array(Object.keys(OUTCOME).length)
    let retries = 0
    let loadedTokens = 0
    let adapterLoads = 0
    for (let seed = 0; seed < 2000; seed++) {
      const fast = runWith('fast', { ...randomStory(seed, kind), wideFrom: 1 + (seed % 8) })
      const reference = runWith('reference', randomStory(seed, kind))
      expectEqual(counters(fast), counters(reference), `${kind} ${seed}`)
      expectSame(fast, { ...randomStory(seed, kind), wideFrom: 1 + (seed % 8) })
      expectEqual(times(fast), times(reference), `${kind} ${seed}`)
      const quantiles = ({ gaps }: Observed) =>
        Array.from({ length: 51 }, (_, i) => gaps.quantile(i / 50))
      expectEqual(quantiles(fast), quantiles(reference), `${kind} ${seed}`)
      const { outcome, attempts } = reference.run.outcomes
      for (const each of outcome) ends[each]!++
      for (const each of attempts) retries += each
      for (const totals of reference.run.backends) {
        preemptions += totals.preemptions
        evictions += totals.evictions
        for (const tier of totals.tiers ?? []) loadedTokens += tier.loadedTokens
        adapterLoads += totals.adapterLoads ?? 0
      }
    }
    // The stories reach what they are meant to reach.
    expect(Math.min(preemptions, evictions, loadedTokens, adapterLoads)).toBeGreaterThan(500)
    expect(Math.min(ends[OUTCOME.failed]!, ends[OUTCOME.timed_out]!, retries)).toBeGreaterThan(1000)
    expect(ends[OUTCOME.unfinished]).toBe(0)
  },
)

test('blocks that a transfer sets free let a blocked request in, amid a stretch', () => {
  const spec = backend({ kv: { blocks: 40, blockTokens: 4 } })
  const story: TinyRun = {
    requests: [
      { promptTokens: 4, outputTokens: 60 },
      { arrivalMs: 1, promptTokens: 100, outputTokens: 2 },
      { arrivalMs: 50, promptTokens: 60 },
    ],
    backends: [spec, spec],
    transfer: { latencyMs: 200, bandwidthBytesPerSec: 1e9, bytesPerToken: 1 },
  }
  // Only the second request is handed over; the third waits for the blocks it leaves behind.
  const router = () => ({
    name: 'second one is handed over',
    route: ({ id }: RequestView, { backends: [a, b] }: ClusterView) =>
      id === 1 ? disaggregate(a!, b!) : a!,
  })
  const fast = runWith('fast', { ...story, router: router() })
  const reference = runWith('reference', { ...story, router: router() })
  expect(difference(times(fast).admittedMs!, times(reference).admittedMs!)).toBeLessThan(1e-9)
  expect(reference.run.outcomes.admittedMs[2]).toBeGreaterThan(200)
  expect(reference.run.outcomes.admittedMs[2]).toBeLessThan(250)
})

test('a prompt whose chunks arrive from elsewhere gives them back one by one', () => {
  const kv = { blocks: 780, blockTokens: 4 }
  const slow = affineLatency({
    baseMs: 1,
    prefillMsPerToken: 0.01,
    decodeMsPerRequest: 0,
    decodeMsPerContextToken: 0,
  })
  // The second prompt stays in the cache. The third is computed in 500 steps, and the first, which is
  // the same, arrives amid them.
  const story: TinyRun = {
    requests: [
      { promptTokens: 2000, outputTokens: 2, shared: 'same' },
      { promptTokens: 120, shared: 'other' },
      { arrivalMs: 100, promptTokens: 2000, shared: 'same' },
    ],
    backends: [backend({ kv }), backend({ kv, maxBatchTokens: 4, latency: slow })],
    transfer: { latencyMs: 300, bandwidthBytesPerSec: 1e9, bytesPerToken: 1 },
  }
  const router = () => ({
    name: 'first one is handed over',
    route: ({ id }: RequestView, { backends: [a, b] }: ClusterView) =>
      id === 0 ? disaggregate(a!, b!) : b!,
  })
  const fast = runWith('fast', { ...story, router: router() })
  const reference = runWith('reference', { ...story, router: router() })
  expect(counters(fast)).toEqual(counters(reference))
})

test('what was in host memory of a prefill backend is computed anew where the decode backend has none', () => {
  const story: TinyRun = {
    requests: [
      { promptTokens: 8, outputTokens: 30 },
      { arrivalMs: 1, promptTokens: 40, outputTokens: 20 },
      { arrivalMs: 200, promptTokens: 8, outputTokens: 50 },
    ],
    backends: [
      backend({
        kv: { blocks: 12, blockTokens: 4 },
        maxBatchTokens: 8,
        preemption: 'swap',
        swapMsPerToken: 0.5,
      }),
      backend({ kv: { blocks: 20, blockTokens: 4 }, batching: 'prefill_first' }),
    ],
    prefixCaching: false,
  }
  // The second request loses its blocks to the first while its prompt is computed, and to the third
  // while it decodes.
  const router = () => ({
    name: 'second one is handed over',
    route: ({ id }: RequestView, { backends: [a, b] }: ClusterView) =>
      id === 0 ? a! : id === 1 ? disaggregate(a!, b!) : b!,
  })
  const fast = runWith('fast', { ...story, router: router() })
  const reference = runWith('reference', { ...story, router: router() })
  expect(reference.run.outcomes.preemptions[1]).toBe(2)
  expect(reference.run.backends[1]!.prefillTokens).toBeGreaterThan(8 + 40)
  expect(counters(fast)).toEqual(counters(reference))
})

test('the block that a request has taken for a step goes back when another takes its place', () => {
  const story: TinyRun = {
    // Both need a block in the same step, and one is left: the first takes it, the second is more urgent.
    requests: [
      { promptTokens: 16, outputTokens: 20, priority: 0 },
      { arrivalMs: 0.1, promptTokens: 17, outputTokens: 20, priority: 1 },
    ],
    backends: [backend({ kv: { blocks: 11, blockTokens: 4 }, scheduling: urgentFirst() })],
    prefixCaching: false,
  }
  const fast = runWith('fast', story)
  const reference = runWith('reference', story)
  expect(reference.run.outcomes.preemptions[0]).toBe(1)
  expect(counters(fast)).toEqual(counters(reference))
  expect(difference(times(fast).finishedMs!, times(reference).finishedMs!)).toBeLessThan(1e-9)
})

test('blocks that were set aside for a request are free when its backend has failed', () => {
  const story: TinyRun = {
    requests: [
      { promptTokens: 8, outputTokens: 60 },
      { arrivalMs: 300, promptTokens: 20, outputTokens: 40 },
    ],
    backends: [backend(), backend({ kv: { blocks: 20, blockTokens: 4 }, reservedOutputShare: 1 })],
    // The KV cache of the first is still on its way.
    transfer: { latencyMs: 200, bandwidthBytesPerSec: 1e9, bytesPerToken: 1 },
    events: [
      { atMs: 100, backend: 1, kind: 'fail' },
      { atMs: 250, backend: 1, kind: 'recover' },
    ],
  }
  const router = () => ({
    name: 'first one is handed over',
    route: ({ id }: RequestView, { backends: [a, b] }: ClusterView) =>
      id === 0 ? disaggregate(a!, b!) : b!,
  })
  const fast = runWith('fast', { ...story, router: router() })
  const reference = runWith('reference', { ...story, router: router() })
  expect(reference.run.outcomes.outcome[0]).toBe(OUTCOME.failed)
  expect(reference.run.outcomes.admittedMs[1]).toBeLessThan(310)
  expect(counters(fast)).toEqual(counters(reference))
  expect(difference(times(fast).finishedMs!, times(reference).finishedMs!)).toBeLessThan(1e-9)
})

test('who comes between one that waits for an adapter and one that waits for blocks joins amid a stretch', () => {
  const adapters = { slots: 1, loadMs: 1 }
  const story: TinyRun = {
    requests: [
      { promptTokens: 8, outputTokens: 200, adapter: 'in use' },
      { arrivalMs: 50, promptTokens: 8, outputTokens: 2, adapter: 'without a slot', priority: 9 },
      { arrivalMs: 60, promptTokens: 240, outputTokens: 2, adapter: 'in use' },
      { arrivalMs: 100, promptTokens: 8, outputTokens: 2, adapter: 'in use', priority: 5 },
    ],
    backends: [
      backend({ kv: { blocks: 62, blockTokens: 4 }, scheduling: urgentFirst(), adapters }),
    ],
    prefixCaching: false,
  }
  const fast = runWith('fast', story)
  const reference = runWith('reference', story)
  const [, second, third, fourth] = reference.run.outcomes.admittedMs
  expect(fourth).toBeLessThan(130)
  expect(Math.min(second!, third!)).toBeGreaterThan(1000)
  expect(counters(fast)).toEqual(counters(reference))
  expect(difference(times(fast).admittedMs!, times(reference).admittedMs!)).toBeLessThan(1e-9)
})
