import { builtinLocalPolicies, findLocalPolicy } from '@routesim/algorithms'
import {
  type BackendSpec,
  type LocalPolicyFactory,
  OUTCOME,
  type RequestOutcomes,
  type RunResult,
} from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { evenLatency } from '../testing/even-latency.js'
import { randomStory } from '../testing/random-story.js'
import {
  backend,
  STEPPERS,
  type Stepper,
  type TinyRequest,
  type TinyRun,
  tinyRun,
} from '../testing/tiny-run.js'

/** One ms per step, and one per 10 prompt tokens. */
const latency = affineLatency({
  baseMs: 1,
  prefillMsPerToken: 0.1,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})

function run(
  scheduling: LocalPolicyFactory,
  requests: readonly TinyRequest[],
  spec: Partial<BackendSpec> = {},
): RunResult {
  const story = { requests, backends: [backend({ latency, maxNumSeqs: 1, scheduling, ...spec })] }
  const fast = tinyRun({ ...story, stepper: 'fast' })
  expect(told(fast)).toEqual(told(tinyRun(story)))
  return fast
}

/** What results tell of requests, without the columns that each stepper has for itself. */
function told({ outcomes }: RunResult): RequestOutcomes {
  const { outcome, rejectReason, attempts, prefillBackend, backend, cachedTokens } = outcomes
  const { admittedMs, firstTokenMs, finishedMs, preemptions } = outcomes
  return {
    ...{ outcome, rejectReason, attempts, prefillBackend, backend, cachedTokens },
    ...{ admittedMs, firstTokenMs, finishedMs, preemptions },
  }
}

/** Requests in the order in which they got their first token. */
function served({ outcomes }: RunResult): number[] {
  const rows = Array.from(outcomes.firstTokenMs, (_, row) => row)
  return rows.sort((a, b) => outcomes.firstTokenMs[a]! - outcomes.firstTokenMs[b]!)
}

const configured = (name: string, parameters = {}): LocalPolicyFactory =>
  findLocalPolicy(name).configure(parameters)

describe('one at a time, the first being served', () => {
  const first = { arrivalMs: 0, promptTokens: 10 }

  test('shortest', () => {
    const sizes = [40, 20, 30].map((promptTokens) => ({ arrivalMs: 1, promptTokens }))
    expect(served(run(configured('shortest'), [first, ...sizes]))).toEqual([0, 2, 3, 1])
  })

  test('priority, and a request that comes later', () => {
    const requests = [
      { ...first, promptTokens: 100 },
      { arrivalMs: 1, promptTokens: 10, priority: 0 },
      { arrivalMs: 2, promptTokens: 10, priority: 1 },
      { arrivalMs: 3, promptTokens: 10, priority: 7 },
    ]
    expect(served(run(configured('priority'), requests))).toEqual([0, 3, 2, 1])
  })

  test('hrrn: a long wait makes up for a long prompt', () => {
    const requests = [
      { ...first, promptTokens: 100 },
      { arrivalMs: 1, promptTokens: 40 },
      { arrivalMs: 9, promptTokens: 20 },
      { arrivalMs: 10, promptTokens: 20 },
    ]
    // At 11 ms: 10/5, 2/3 and 1/3; 5 ms later 7/3 and 6/3.
    expect(served(run(configured('hrrn'), requests))).toEqual([0, 1, 2, 3])
    expect(served(run(configured('shortest'), requests))).toEqual([0, 2, 3, 1])
  })

  test('longest prefix match: what the first has left in the cache', () => {
    const requests = [
      { ...first, promptTokens: 64, shared: 'a' },
      { arrivalMs: 1, promptTokens: 64, shared: 'b' },
      { arrivalMs: 2, promptTokens: 64, shared: 'a' },
    ]
    const { outcomes } = run(configured('longest_prefix_match'), requests)
    expect(served({ outcomes } as RunResult)).toEqual([0, 2, 1])
    expect([...outcomes.cachedTokens]).toEqual([0, 0, 48])
  })

  test('max on time: what can not be met waits', () => {
    const requests = [
      { ...first, promptTokens: 100 },
      { arrivalMs: 1, promptTokens: 200, ttftSloMs: 15 },
      { arrivalMs: 2, promptTokens: 40, ttftSloMs: 30 },
      { arrivalMs: 3, promptTokens: 40, ttftSloMs: 20 },
    ]
    expect(served(run(configured('max_on_time'), requests))).toEqual([0, 3, 2, 1])
    expect(served(run(configured('deadline'), requests))).toEqual([0, 1, 3, 2])
  })
})

test('when blocks run out, the lowest priority loses them, whoever came first', () => {
  const spec: Partial<BackendSpec> = { kv: { blocks: 8, blockTokens: 4 }, maxNumSeqs: 4 }
  const requests = [
    { promptTokens: 12, outputTokens: 8, priority: 0 },
    { promptTokens: 12, outputTokens: 8, priority: 1 },
  ]
  expect([...run(configured('priority'), requests, spec).outcomes.preemptions]).toEqual([1, 0])
  expect([...run(configured('shortest'), requests, spec).outcomes.preemptions]).toEqual([0, 1])
})

test('an urgent arrival gets in where the head of the queue does not fit', () => {
  const spec: Partial<BackendSpec> = { kv: { blocks: 10, blockTokens: 4 }, maxNumSeqs: 4 }
  const requests = [
    { promptTokens: 16, outputTokens: 8 },
    { arrivalMs: 3, promptTokens: 32 },
    { arrivalMs: 5, promptTokens: 4, priority: 1 },
  ]
  const { outcomes } = run(configured('priority'), requests, spec)
  expect(outcomes.firstTokenMs[2]).toBeLessThan(outcomes.finishedMs[0]!)
  expect(outcomes.admittedMs[1]).toBe(outcomes.finishedMs[0])
})

test('fcfs by name is what backends do by themselves, to the last bit', () => {
  for (let seed = 0; seed < 300; seed++) {
    const story = randomStory(seed, 'stress')
    const ordered = (scheduling?: LocalPolicyFactory): TinyRun => ({
      ...randomStory(seed, 'stress'),
      backends: story.backends!.map(({ scheduling: _, ...spec }) =>
        scheduling === undefined ? spec : { ...spec, scheduling },
      ),
      stepper: 'fast',
    })
    const { outcomes, backends } = tinyRun(ordered(configured('fcfs')))
    const plain = tinyRun(ordered())
    expect(outcomes, `${seed}`).toMatchObject(plain.outcomes)
    expect(backends).toEqual(plain.backends)
  }
})

test.each(builtinLocalPolicies.map(({ name }) => name))(
  '%s: everybody is served, and two runs are the same',
  (name) => {
    const requests = Array.from({ length: 80 }, (_, i) => ({
      arrivalMs: (i * 13) % 97,
      promptTokens: 1 + ((i * 31) % 60),
      outputTokens: (i * 7) % 30,
      priority: i % 4,
      shared: `s${i % 3}`,
    }))
    const spec: Partial<BackendSpec> = { kv: { blocks: 30, blockTokens: 4 }, maxNumSeqs: 6 }
    const once = run(configured(name), requests, spec)
    expect(once.outcomes.outcome.every((outcome) => outcome === OUTCOME.completed)).toBe(true)
    expect(run(configured(name), requests, spec).outcomes).toEqual(once.outcomes)
  },
)

test('a policy that loses a request, or has no rank for it, is told so', () => {
  const requests = [{}, { arrivalMs: 1 }, { arrivalMs: 1 }]
  const losing: LocalPolicyFactory = {
    name: 'losing',
    create: () => ({ name: 'losing', arrange: (_, order) => void order.fill(0) }),
  }
  expect(() => run(losing, requests)).toThrow(
    'local policy "losing": expected an order of 2 waiting requests, got 0 0',
  )
  const nameless: LocalPolicyFactory = {
    name: 'nameless',
    create: () => ({ name: 'nameless', rank: () => Number.NaN }),
  }
  expect(() => run(nameless, requests)).toThrow('rank() of request 0: expected a number, got NaN')
})

test('a prompt under way that loses its blocks after a decode has lost them leaves the decodes that are left', () => {
  const scheduling = findLocalPolicy('priority').configure({})
  const ended = (stepper: Stepper): number[] => {
    const { outcomes, backends } = tinyRun({
      stepper,
      requests: [
        { promptTokens: 4, outputTokens: 30, priority: 0 },
        { promptTokens: 4, outputTokens: 40, priority: 2 },
        { arrivalMs: 8, promptTokens: 40, outputTokens: 2, priority: 1 },
      ],
      backends: [
        backend({
          latency: evenLatency(5),
          kv: { blocks: 11, blockTokens: 4 },
          maxBatchTokens: 16,
          maxNumSeqs: 8,
          scheduling,
        }),
      ],
    })
    return [...outcomes.finishedMs, backends[0]!.decodeTokens]
  }
  const times = [426.4, 245.6, 270.6, 68]
  for (const stepper of STEPPERS)
    expect(ended(stepper).map((value) => Number(value.toFixed(9)))).toEqual(times)
})
