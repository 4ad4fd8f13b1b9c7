import type { BackendSpec, RunResult } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { evenLatency } from '../testing/even-latency.js'
import { randomStory } from '../testing/random-story.js'
import { backend, STEPPERS, type TinyRequest, tinyRun } from '../testing/tiny-run.js'

const latency = evenLatency(5)

describe.each(STEPPERS)('%s stepper', (stepper) => {
  /** Two requests that together need more than the 6 blocks there are, each less. */
  function squeezed(spec: Partial<BackendSpec>, requests?: readonly TinyRequest[]): RunResult {
    return tinyRun({
      stepper,
      prefixCaching: false,
      requests: requests ?? [
        { promptTokens: 32, outputTokens: 40 },
        { promptTokens: 32, outputTokens: 40 },
      ],
      backends: [backend({ latency, kv: { blocks: 6, blockTokens: 16 }, ...spec })],
    })
  }

  test('prompts first: decodes wait while a prompt is computed', () => {
    const run = tinyRun({
      stepper,
      requests: [
        { promptTokens: 100, outputTokens: 4 },
        { arrivalMs: 17, promptTokens: 200, outputTokens: 2 },
      ],
      backends: [backend({ latency, batching: 'prefill_first' })],
    })
    // Prefill to 15 ms, one decode to 21, the other prompt alone to 46, then decodes of two and of one.
    expect([...run.outcomes.firstTokenMs]).toEqual([15, 46])
    expect([...run.outcomes.finishedMs]).toEqual([59, 53])
    expect(run.backends[0]).toMatchObject({ steps: 5, prefillTokens: 300, decodeTokens: 4 })
  })

  test('prompts first: the gap of a decode spans the prompts it waited for', () => {
    const gaps: number[] = []
    tinyRun({
      stepper,
      requests: [
        { promptTokens: 100, outputTokens: 4 },
        { arrivalMs: 17, promptTokens: 200, outputTokens: 2 },
      ],
      backends: [backend({ latency, batching: 'prefill_first' })],
      recorder: {
        tokenGaps: (runs) => {
          for (let i = 0; i < runs.length; i += 4) {
            for (let k = 0; k < runs[i + 2]! * runs[i + 3]!; k++) gaps.push(runs[i]!)
          }
        },
      },
    })
    expect(gaps.sort((a, b) => a - b)).toEqual([6, 6, 7, 32])
  })

  test('recompute newest: the second is computed again', () => {
    const run = squeezed({})
    expect([...run.outcomes.preemptions]).toEqual([0, 1])
    expect(run.backends[0]!.prefillTokens).toBe(32 + 32 + 49)
  })

  test('swap: nothing is computed again, and steps wait for the way there and back', () => {
    const free = squeezed({ preemption: 'swap', swapMsPerToken: 0 })
    const slow = squeezed({ preemption: 'swap', swapMsPerToken: 0.5 })
    expect([...free.outcomes.preemptions]).toEqual([0, 1])
    expect(free.backends[0]!.prefillTokens).toBe(64)
    // 48 tokens are computed when the fourth block is needed.
    expect(slow.endMs - free.endMs).toBeCloseTo(2 * 48 * 0.5, 9)
    expect(slow.backends[0]!.busyMs - free.backends[0]!.busyMs).toBeCloseTo(48, 9)
  })

  test('evict all: every running request goes back, and the oldest comes first', () => {
    const run = squeezed({ preemption: 'evict_all' })
    expect([...run.outcomes.preemptions]).toEqual([1, 1])
    expect(run.backends[0]!.prefillTokens).toBe(32 + 32 + 49 + 49)
    expect(run.outcomes.finishedMs[0]).toBeLessThan(run.outcomes.finishedMs[1]!)
  })

  test('retract shortest: among equal answers the longest prompt goes, however old', () => {
    const requests = [
      { promptTokens: 40, outputTokens: 30 },
      { promptTokens: 32, outputTokens: 40 },
    ]
    expect([...squeezed({}, requests).outcomes.preemptions]).toEqual([0, 1])
    const run = squeezed({ preemption: 'retract_shortest' }, requests)
    expect([...run.outcomes.preemptions]).toEqual([1, 0])
  })

  test('reserve all: a request waits until its whole answer has room', () => {
    const run = squeezed({ preemption: 'reserve_all' })
    expect(run.backends[0]!.preemptions).toBe(0)
    expect(run.outcomes.admittedMs[1]).toBe(run.outcomes.finishedMs[0])
  })

  test('a reserved share: what running requests may still need counts, and so does what is declared', () => {
    const admitted = (reservedOutputShare: number, maxTokens: number): number =>
      squeezed({ reservedOutputShare }, [
        { promptTokens: 32, outputTokens: 12, maxTokens },
        { promptTokens: 32, outputTokens: 12, maxTokens },
      ]).outcomes.admittedMs[1]!
    // A quarter of 64 tokens needs one block beside the prompt's two; of 80 tokens, two.
    expect(admitted(0.25, 64)).toBe(0)
    expect(admitted(0.25, 80)).toBeGreaterThan(0)
    expect(admitted(0, 80)).toBe(0)
  })

  test('a request that declares more than there is room for is refused where that is set aside', () => {
    const requests = [{ promptTokens: 32, outputTokens: 4, maxTokens: 1000 }]
    expect(squeezed({}, requests).rejectReasons).toEqual([])
    expect(squeezed({ preemption: 'reserve_all' }, requests).rejectReasons).toEqual([
      'exceeds_kv_cache',
    ])
  })
})

test('reserve all never preempts, and the others do: random runs', () => {
  const preemptions: Record<string, number> = {}
  for (let seed = 1; seed < 2000; seed += 2) {
    const story = randomStory(seed, 'stress')
    const { backends } = tinyRun(story)
    for (const [id, { preemption = '', reservedOutputShare }] of story.backends!.entries()) {
      if (reservedOutputShare !== 0 && preemption !== 'reserve_all') continue
      preemptions[preemption] = (preemptions[preemption] ?? 0) + backends[id]!.preemptions
    }
  }
  const { reserve_all, ...others } = preemptions
  expect(reserve_all).toBe(0)
  expect(Object.keys(others).sort()).toEqual([
    'evict_all',
    'recompute_newest',
    'retract_shortest',
    'swap',
  ])
  expect(Math.min(...Object.values(others))).toBeGreaterThan(50)
})

test.each([
  [{ preemption: 'swap' }, 'swapMsPerToken: expected a number >= 0, got NaN'],
  [{ swapMsPerToken: -1 }, 'swapMsPerToken: expected a number >= 0, got -1'],
  [{ reservedOutputShare: 1.5 }, 'reservedOutputShare: expected a number from 0 to 1, got 1.5'],
] as const)('%o is refused', (spec, message) => {
  expect(() => tinyRun({ requests: [{}], backends: [backend(spec)] })).toThrow(
    `cluster.backends[0].${message}`,
  )
})
