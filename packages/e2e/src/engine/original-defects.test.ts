import { OUTCOME } from '@routesim/core'
import { expect, test } from 'vitest'
import { eachGapRun } from '../testing/gap-runs.js'
import {
  backend,
  inTurn,
  pairsInTurn,
  type TinyRequest,
  tinyRun,
  ttftMs,
} from '../testing/tiny-run.js'

// Symptoms of the original RouteSim (github.com/InfraWhisperer/RouteSim, commit 65e0004), each with
// the right answer. Faults of its files and its command line have their tests where those are read.

function completed(run: ReturnType<typeof tinyRun>): number {
  return run.outcomes.outcome.filter((outcome) => outcome === OUTCOME.completed).length
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

test('a request does not wait for the one that is decoding to finish', () => {
  const run = tinyRun({
    requests: [
      { promptTokens: 100, outputTokens: 500 },
      { arrivalMs: 50, promptTokens: 700 },
    ],
  })
  expect(run.outcomes.admittedMs[1]! - 50).toBeLessThanOrEqual(12.5)
  expect(ttftMs(run, 1)).toBeLessThan(12.5 + 14 + 12.5 + 1)
})

test('ten prompts of 10,000 tokens share the 50,000 tokens/s of one GPU', () => {
  const run = tinyRun({ requests: times(10, () => ({ promptTokens: 10_000 })) })
  expect(Math.max(...run.outcomes.firstTokenMs)).toBeCloseTo(2000, 6)
})

test('prefill slows the decodes it shares a step with, and a batch decodes in lock-step', () => {
  const gaps: number[] = []
  tinyRun({
    requests: [
      { promptTokens: 100, outputTokens: 4 },
      { promptTokens: 100, outputTokens: 4 },
      { arrivalMs: 3, promptTokens: 5000 },
    ],
    recorder: { tokenGaps: eachGapRun((gapMs) => gaps.push(gapMs)) },
  })
  expect(gaps[0]).toBeGreaterThan(100)
  expect(gaps[0]).toBe(gaps[1])
})

test.each([5, 200])('two prefill and six decode backends lose nothing at %s requests/s', (rate) => {
  const run = tinyRun({
    requests: times(300, (i) => ({
      arrivalMs: (i * 1000) / rate,
      promptTokens: 500,
      outputTokens: 150,
    })),
    backends: times(8, (i) => backend({ role: i < 2 ? 'prefill' : 'decode', maxQueueDepth: 1000 })),
    router: pairsInTurn(),
  })
  expect(completed(run)).toBe(300)
  for (const { role, prefillTokens, decodeTokens } of run.backends) {
    expect(prefillTokens > 0).toBe(role === 'prefill')
    expect(decodeTokens > 0).toBe(role === 'decode')
  }
})

test('a backend goes on after a request that can never fit', () => {
  const run = tinyRun({
    requests: times(52, (i) => ({ arrivalMs: i * 10, promptTokens: i === 1 ? 100_000 : 100 })),
    backends: [backend({ kv: { blocks: 100, blockTokens: 16 } })],
  })
  expect(completed(run)).toBe(51)
  expect(run.rejectReasons).toEqual(['exceeds_kv_cache'])
})

test('a request waits for KV blocks instead of being refused', () => {
  const run = tinyRun({
    requests: times(3, () => ({ promptTokens: 640, outputTokens: 10 })),
    backends: [backend({ kv: { blocks: 90, blockTokens: 16 } })],
  })
  expect(completed(run)).toBe(3)
  expect(run.outcomes.admittedMs[2]).toBeGreaterThan(0)
})

test('failed allocations leave no block pinned', () => {
  const prompt = { promptTokens: 320, outputTokens: 30, shared: 'prefix', sharedTokens: 160 }
  const run = tinyRun({
    requests: times(40, (i) => ({ ...prompt, arrivalMs: i * 5 })),
    backends: [backend({ kv: { blocks: 50, blockTokens: 16 } })],
  })
  expect(completed(run)).toBe(40)
  expect(run.backends[0]!.heldBlocks).toBe(0)
})

test('sixteen cached tokens save sixteen tokens of a 50,000-token prompt', () => {
  const run = tinyRun({
    requests: [
      { promptTokens: 16, shared: 'prefix', sharedTokens: 16 },
      { arrivalMs: 100, promptTokens: 50_000, shared: 'prefix', sharedTokens: 40_000 },
    ],
  })
  expect(run.outcomes.cachedTokens[1]).toBe(16)
  expect(ttftMs(run, 1)).toBeCloseTo((50_000 - 16) / 50, 6)
})

test('one block left of twenty saves one block', () => {
  const run = tinyRun({
    requests: [
      { promptTokens: 320, shared: 'prefix' },
      { arrivalMs: 100, promptTokens: 21 * 16 },
      { arrivalMs: 200, promptTokens: 340, shared: 'prefix', sharedTokens: 320 },
    ],
    backends: [backend({ kv: { blocks: 22, blockTokens: 16 } })],
  })
  expect(run.outcomes.cachedTokens[2]).toBe(16)
})

test('two equal prompts in one step are both computed', () => {
  const run = tinyRun({
    requests: times(2, () => ({ promptTokens: 50_000, shared: 'same' })),
    backends: [backend({ maxBatchTokens: 100_000 })],
  })
  expect([...run.outcomes.cachedTokens]).toEqual([0, 0])
  expect([...run.outcomes.firstTokenMs]).toEqual([2000, 2000])
})

test('a prompt behind an equal one reuses what has been computed of it so far, and no more', () => {
  const run = tinyRun({ requests: times(2, () => ({ promptTokens: 50_000, shared: 'same' })) })
  // Three full chunks of 16,384 are done when the fourth step has room for the second prompt.
  expect([...run.outcomes.cachedTokens]).toEqual([0, 3 * 16_384])
})

test('prompts that share nothing never hit, even when they are preempted and come back', () => {
  const run = tinyRun({
    requests: times(60, (i) => ({
      arrivalMs: i * 3,
      promptTokens: 200,
      outputTokens: 60,
      shared: `unique ${i}`,
    })),
    backends: [backend({ kv: { blocks: 60, blockTokens: 16 } })],
  })
  expect(run.backends[0]!.preemptions).toBeGreaterThan(0)
  expect([...run.outcomes.cachedTokens].every((tokens) => tokens === 0)).toBe(true)
})

test('a prompt that is 99% cached costs 1% of its prefill', () => {
  const prompt: TinyRequest = { promptTokens: 51_200, shared: 'document', sharedTokens: 50_688 }
  const run = tinyRun({ requests: [prompt, { ...prompt, arrivalMs: 5000 }] })
  expect(ttftMs(run, 0)).toBeCloseTo(1024, 6)
  expect(ttftMs(run, 1)).toBeCloseTo(1024 * 0.01, 6)
})

test('an exact repeat of a 51,200-token prompt recomputes its last block only', () => {
  const prompt = { promptTokens: 51_200, shared: 'document' }
  const run = tinyRun({ requests: [prompt, { ...prompt, arrivalMs: 5000 }] })
  expect(run.outcomes.cachedTokens[1]).toBe(51_200 - 16)
})

test('GPU time is the time the GPU is busy, not the time requests spend on it', () => {
  const run = tinyRun({ requests: times(64, () => ({ promptTokens: 10, outputTokens: 100 })) })
  const wallMs = Math.max(...run.outcomes.finishedMs)
  expect(run.backends[0]!.busyMs).toBeCloseTo(wallMs, 6)
  expect(wallMs / 1000 / 64).toBeLessThan(0.04)
})

test('times are not rounded to milliseconds', () => {
  const gaps = new Set<number>()
  tinyRun({
    requests: [{ promptTokens: 1, outputTokens: 5 }],
    recorder: { tokenGaps: eachGapRun((gapMs) => gaps.add(Math.round(gapMs * 1e9) / 1e9)) },
  })
  expect([...gaps]).toEqual([12.5])
})

test('the token budget of a step does not cap how many requests are in flight', () => {
  let most = 0
  tinyRun({
    requests: times(200, (i) => ({ arrivalMs: i, promptTokens: 400, outputTokens: 200 })),
    recorder: {
      stepCompleted: (_, __, ___, step) => {
        most = Math.max(most, step.decodeRequests)
      },
    },
  })
  expect(most).toBe(200)
})

test('KV blocks are taken as tokens need them, not for the whole answer at once', () => {
  const run = tinyRun({
    requests: times(2, () => ({ promptTokens: 160, outputTokens: 100 })),
    backends: [backend({ kv: { blocks: 22, blockTokens: 16 } })],
  })
  expect([...run.outcomes.admittedMs]).toEqual([0, 0])
})

test('routers see requests that are being prefilled', () => {
  const seen: number[] = []
  tinyRun({
    requests: [{ promptTokens: 100_000 }, { arrivalMs: 100, promptTokens: 100_000 }],
    backends: [backend(), backend()],
    router: {
      name: 'looks',
      route: (_, cluster) => {
        seen.push(...cluster.backends.map(({ outstanding }) => outstanding))
        return cluster.backends[0]!
      },
    },
  })
  expect(seen).toEqual([0, 0, 1, 0])
})

test('the first token comes with the end of the prefill, without another step', () => {
  expect(ttftMs(tinyRun({ requests: [{ promptTokens: 500, outputTokens: 9 }] }), 0)).toBe(10)
})

test('in disaggregated mode too, and the second token waits for the KV transfer', () => {
  const run = tinyRun({
    requests: [{ promptTokens: 500, outputTokens: 2 }],
    backends: [backend({ role: 'prefill' }), backend({ role: 'decode' })],
    router: pairsInTurn(),
  })
  const transferMs = 0.5 + ((500 * 327_680) / 50e9) * 1000
  expect(ttftMs(run, 0)).toBe(10)
  expect(run.outcomes.finishedMs[0]).toBeCloseTo(10 + transferMs + 12.5, 9)
})

test('a request without output has no first token, and ends with its prefill', () => {
  const run = tinyRun({ requests: [{ promptTokens: 500, outputTokens: 0 }] })
  expect(run.outcomes.firstTokenMs[0]).toBeNaN()
  expect(run.outcomes.finishedMs[0]).toBe(10)
})

test('a transfer sends only what the decode backend does not hold', () => {
  const prompt = { promptTokens: 800, outputTokens: 2, shared: 'same' }
  const run = tinyRun({
    requests: [prompt, { ...prompt, arrivalMs: 1000 }],
    backends: [backend({ role: 'prefill' }), backend({ role: 'decode' })],
    router: pairsInTurn(),
  })
  const afterFirstToken = (i: number) => run.outcomes.finishedMs[i]! - run.outcomes.firstTokenMs[i]!
  expect(afterFirstToken(0)).toBeCloseTo(0.5 + ((800 * 327_680) / 50e9) * 1000 + 12.5, 9)
  expect(afterFirstToken(1)).toBeCloseTo(12.5, 9)
})

test('the head of the queue is not overtaken when requests come back to it', () => {
  const run = tinyRun({
    requests: times(30, (i) => ({ arrivalMs: i, promptTokens: 160, outputTokens: 50 })),
    backends: [backend({ kv: { blocks: 40, blockTokens: 16 } })],
    router: inTurn(),
  })
  const admitted = [...run.outcomes.admittedMs]
  expect(admitted).toEqual([...admitted].sort((a, b) => a - b))
})

test('a prefix is evicted from its end, so that what is left is usable', () => {
  const run = tinyRun({
    requests: [
      { promptTokens: 320, shared: 'prefix' },
      { arrivalMs: 100, promptTokens: 10 * 16 },
      { arrivalMs: 200, promptTokens: 320, shared: 'prefix' },
    ],
    backends: [backend({ kv: { blocks: 22, blockTokens: 16 } })],
  })
  expect(run.outcomes.cachedTokens[2]).toBe(12 * 16)
})
