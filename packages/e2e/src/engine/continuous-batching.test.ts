import { type LatencyModel, OUTCOME, reject } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { backend, STEPPERS, tinyRun, ttftMs } from '../testing/tiny-run.js'

const affine = affineLatency({
  baseMs: 5,
  prefillMsPerToken: 0.1,
  decodeMsPerRequest: 1,
  decodeMsPerContextToken: 0.001,
})

test('a lone request: its prompt, then one step per further token', () => {
  const run = tinyRun({
    requests: [{ promptTokens: 100, outputTokens: 3 }],
    backends: [backend({ latency: affine })],
  })
  // Prefill 5 + 0.1·100; then decodes of 101 and 102 tokens of context.
  expect(run.outcomes.firstTokenMs[0]).toBeCloseTo(15, 9)
  expect(run.outcomes.finishedMs[0]).toBeCloseTo(15 + 6.101 + 6.102, 9)
  expect(run.backends[0]).toMatchObject({ steps: 3, prefillTokens: 100, decodeTokens: 2 })
})

test('prefill and decode share a step, and slow each other down', () => {
  const run = tinyRun({
    requests: [
      { promptTokens: 100, outputTokens: 3 },
      { arrivalMs: 14, promptTokens: 200 },
    ],
    backends: [backend({ latency: affine })],
  })
  // The second is admitted when the first step ends, at 15 ms, and shares a step with a decode.
  expect(run.outcomes.admittedMs[1]).toBe(15)
  expect(run.outcomes.firstTokenMs[1]).toBeCloseTo(15 + 5 + 20 + 1 + 0.101, 9)
})

test('a long prompt is computed in chunks of the token budget', () => {
  const run = tinyRun({
    requests: [{ promptTokens: 2500 }],
    backends: [backend({ latency: affine, maxBatchTokens: 1000 })],
  })
  expect(run.backends[0]!.steps).toBe(3)
  expect(run.outcomes.firstTokenMs[0]).toBeCloseTo(3 * 5 + 250, 9)
})

test('decodes take their tokens of the budget before a chunk does', () => {
  const shapes: number[] = []
  tinyRun({
    requests: [
      { promptTokens: 10, outputTokens: 9 },
      { arrivalMs: 1, promptTokens: 25 },
    ],
    backends: [backend({ latency: affine, maxBatchTokens: 10 })],
    recorder: { stepCompleted: (_, __, ___, step) => shapes.push(step.prefillTokens) },
  })
  expect(shapes.slice(0, 4)).toEqual([10, 9, 9, 7])
})

test('without chunking a prompt is never split, and one beyond the budget has a step to itself', () => {
  const shapes: string[] = []
  tinyRun({
    requests: [{ promptTokens: 600 }, { promptTokens: 600 }, { promptTokens: 2500 }],
    backends: [backend({ latency: affine, maxBatchTokens: 1000, chunkedPrefill: false })],
    recorder: {
      stepCompleted: (_, __, ___, step) =>
        shapes.push(`${step.prefillRequests}x${step.prefillTokens}`),
    },
  })
  expect(shapes).toEqual(['1x600', '1x600', '1x2500'])
})

test('at most max_num_seqs requests are in a batch', () => {
  let most = 0
  tinyRun({
    requests: Array.from({ length: 20 }, () => ({ promptTokens: 10, outputTokens: 5 })),
    backends: [backend({ maxNumSeqs: 3 })],
    recorder: {
      stepCompleted: (_, __, ___, step) => {
        most = Math.max(most, step.decodeRequests + step.prefillRequests)
      },
    },
  })
  expect(most).toBe(3)
})

test('requests that arrive together form one batch', () => {
  const run = tinyRun({
    requests: [{ promptTokens: 100 }, { promptTokens: 100 }, { promptTokens: 100 }],
    backends: [backend({ latency: affine })],
  })
  expect([...run.outcomes.firstTokenMs]).toEqual([35, 35, 35])
})

test('when KV blocks run out the newest request is preempted, recomputed, and all complete', () => {
  const run = tinyRun({
    requests: [
      { promptTokens: 32, outputTokens: 40 },
      { promptTokens: 32, outputTokens: 40 },
    ],
    backends: [backend({ latency: affine, kv: { blocks: 6, blockTokens: 16 } })],
  })
  expect([...run.outcomes.outcome]).toEqual([OUTCOME.completed, OUTCOME.completed])
  expect(run.outcomes.preemptions[0]).toBe(0)
  expect(run.outcomes.preemptions[1]).toBeGreaterThan(0)
  expect(run.backends[0]!.preemptions).toBe(run.outcomes.preemptions[1])
})

test('a full queue refuses, and says so', () => {
  const run = tinyRun({
    requests: Array.from({ length: 5 }, () => ({ promptTokens: 100 })),
    backends: [backend({ maxQueueDepth: 3 })],
  })
  expect(run.rejectReasons).toEqual(['queue_full'])
  expect([...run.outcomes.outcome].filter((outcome) => outcome === OUTCOME.rejected)).toHaveLength(
    2,
  )
})

test('a router may refuse with a reason of its own', () => {
  const run = tinyRun({
    requests: [{}],
    router: { name: 'no', route: () => reject('closed today') },
  })
  expect(run.rejectReasons).toEqual(['closed today'])
  expect(run.outcomes.backend[0]).toBe(-1)
})

test('routers are told of dispatch, first token and end, in that order', () => {
  const log: string[] = []
  const note = (what: string) => (request: { id: number }, at: { id: number }) => {
    log.push(`${what} ${request.id} on ${at.id}`)
  }
  tinyRun({
    requests: [{ outputTokens: 2 }],
    router: {
      name: 'told',
      route: (_, cluster) => cluster.backends[0]!,
      onDispatched: note('dispatched'),
      onFirstToken: note('first token'),
      onFinished: note('finished'),
    },
  })
  expect(log).toEqual(['dispatched 0 on 0', 'first token 0 on 0', 'finished 0 on 0'])
})

test.each([
  ['nothing', () => undefined],
  ['a number', () => 0],
  ['another view', () => ({ kind: 'backend', id: 0 })],
  ['a promise', async () => 0],
  ['a value without a JSON form', () => 1n],
  ['a circle', () => globalThis],
])('a router that returns %s is told what to return', (_, route) => {
  const router = { name: 'broken', route: route as never }
  expect(() => tinyRun({ requests: [{}], router })).toThrow(
    'router "broken": request 0: expected a backend of the cluster, disaggregate(...), prefillOn(...), hold() or reject(...)',
  )
})

test('an async router is told to decide at once', () => {
  const route = (async () => 0) as never
  const message = (): void => void tinyRun({ requests: [{}], router: { name: 'late', route } })
  expect(message).toThrow(
    expect.objectContaining({ hint: 'Decide at once: route() can not be async.' }),
  )
  expect(message).toThrow(/got a promise$/)
})

const notTimes = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5' as never]

test.each(notTimes)('a step of %j ms is refused', (stepMs) => {
  const latency: LatencyModel = {
    name: 'broken',
    stepMs: () => stepMs,
    segment: (_, out) =>
      void Object.assign(out, { baseMs: stepMs, slopeMs: 0, steps: Number.POSITIVE_INFINITY }),
  }
  for (const stepper of STEPPERS) {
    expect(() => tinyRun({ stepper, requests: [{}], backends: [backend({ latency })] })).toThrow(
      `latency model "broken": expected a finite step time > 0 ms, got ${typeof stepMs === 'string' ? '"5"' : stepMs}`,
    )
  }
})

test('two runs in one process do not touch each other', () => {
  const story = { requests: [{ outputTokens: 9 }, { arrivalMs: 20, outputTokens: 3 }] }
  const first = tinyRun(story)
  const second = tinyRun(story)
  expect(second.outcomes.finishedMs).toEqual(first.outcomes.finishedMs)
  expect(ttftMs(first, 0)).toBe(2)
})
