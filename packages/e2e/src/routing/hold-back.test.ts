// Gate and flow control around a router, in runs.
import { flowControl, gate, leastOutstanding, pdPair } from '@routesim/algorithms'
import { OUTCOME, type RunResult } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { randomStory, untroubled } from '../testing/random-story.js'
import { backend, inTurn, type TinyRequest, type TinyRun, tinyRun } from '../testing/tiny-run.js'

/** Every step takes 10 ms: an answer of three tokens takes 30. */
const tenMs = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 0,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})
const backends = [backend({ latency: tenMs })]
const oneAtATime = { saturation: 'concurrency', request_limit: 1, poll_ms: 1000 }
const router = () => leastOutstanding.create({ ties: 'first' })

/** Names of requests in the order in which they were admitted, with those times. */
function admitted(run: RunResult, names: readonly string[]): string {
  const { admittedMs } = run.outcomes
  return names
    .map((name, i) => ({ name, atMs: admittedMs[i]! }))
    .filter(({ atMs }) => !Number.isNaN(atMs))
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ name, atMs }) => `${name}@${atMs}`)
    .join(' ')
}

/** Requests of which the first letter is the tenant, and a digit the priority. */
function named(names: readonly string[], rest: Partial<TinyRequest> = {}): TinyRequest[] {
  return names.map((name) => ({
    promptTokens: 100,
    outputTokens: 3,
    tenant: name[0]!,
    priority: Number(/\d/.exec(name)?.[0] ?? 0),
    ...rest,
  }))
}

const tenants = ['a', 'a', 'a', 'b', 'b']

test.each([
  ['gate', gate.wrap(router(), oneAtATime), tenants, 'a@0 a@30 a@60 b@90 b@120'],
  ['fair', flowControl.wrap(router(), oneAtATime), tenants, 'a@0 a@30 b@60 a@90 b@120'],
  [
    'unfair',
    flowControl.wrap(router(), { ...oneAtATime, fairness: 'none' }),
    tenants,
    'a@0 a@30 a@60 b@90 b@120',
  ],
  [
    'by priority',
    flowControl.wrap(router(), oneAtATime),
    ['a', 'a', 'b2', 'b1', 'b2'],
    'a@0 b2@30 b2@60 b1@90 a@120',
  ],
  [
    'two at a time',
    gate.wrap(router(), { ...oneAtATime, request_limit: 2 }),
    tenants,
    'a@0 a@0 a@30 b@30 b@60',
  ],
  [
    'those that waited for too long are rejected',
    gate.wrap(router(), { ...oneAtATime, ttl_sec: 0.065 }),
    tenants,
    'a@0 a@30 a@60',
  ],
  [
    'a full line refuses',
    gate.wrap(router(), { ...oneAtATime, max_held: 2 }),
    tenants,
    'a@0 a@30 a@60',
  ],
  [
    'a full band refuses, another does not',
    flowControl.wrap(router(), { ...oneAtATime, max_requests: 1 }),
    ['a', 'a', 'a', 'b1', 'b1'],
    'a@0 b1@30 a@60',
  ],
  [
    'tokens fill a band too',
    flowControl.wrap(router(), { ...oneAtATime, max_tokens: 250 }),
    tenants,
    'a@0 a@30 a@60',
  ],
  [
    'the router inside may hold, too',
    gate.wrap(gate.wrap(router(), oneAtATime), { ...oneAtATime, request_limit: 2 }),
    tenants,
    'a@0 a@30 a@60 b@90 b@120',
  ],
])('%s', (_why, algorithm, names, expected) => {
  const run = tinyRun({ requests: named(names), backends, router: algorithm })
  expect(admitted(run, names)).toBe(expected)
  const rejected = run.outcomes.outcome.filter((outcome) => outcome === OUTCOME.rejected)
  expect(rejected).toHaveLength(names.length - expected.split(' ').length)
})

test('clients that give up do not block those behind them', () => {
  const algorithm = gate.wrap(router(), { ...oneAtATime, poll_ms: 5 })
  const requests = [
    ...named(['a', 'b'], { outputTokens: 9 }),
    ...named(['c'], { arrivalMs: 60, outputTokens: 1 }),
  ]
  const run = tinyRun({ requests, backends, router: algorithm, timeoutMs: 80 })
  expect([...run.outcomes.outcome]).toEqual([
    OUTCOME.timed_out,
    OUTCOME.timed_out,
    OUTCOME.completed,
  ])
  expect(run.outcomes.admittedMs[2]).toBeLessThanOrEqual(86)
})

test('clients that give up leave their place in a band to others', () => {
  const algorithm = flowControl.wrap(router(), { ...oneAtATime, max_requests: 1 })
  const requests = [
    ...named(['a'], { outputTokens: 4 }),
    ...named(['b'], { arrivalMs: 5 }),
    // Goes before b, which gives up meanwhile.
    ...named(['c1'], { arrivalMs: 10, outputTokens: 9 }),
    ...named(['d'], { arrivalMs: 56, outputTokens: 1 }),
  ]
  const run = tinyRun({ requests, backends, router: algorithm, timeoutMs: 50 })
  expect([...run.outcomes.outcome]).toEqual([
    OUTCOME.completed,
    OUTCOME.timed_out,
    OUTCOME.timed_out,
    OUTCOME.completed,
  ])
})

test.each([
  ['round_robin', 'router'],
  ['round_robin', 'client'],
  ['deficit_round_robin', 'router'],
  ['deficit_round_robin', 'client'],
] as const)('a turn is not spent on one that waits no longer: %s, by the %s', (fairness, by) => {
  const algorithm = flowControl.wrap(router(), {
    ...oneAtATime,
    fairness,
    quantum_tokens: 100,
    poll_ms: 1,
    ttl_sec: by === 'router' ? 0.036 : 0,
  })
  // The first a is gone at 37, before the urgent c has ended. Then it is the turn of the second.
  const names = ['c', 'a', 'c1', 'a', 'b']
  const arrivals = [0, 1, 25, 40, 41]
  const requests = named(names).map((each, i) => ({
    ...each,
    arrivalMs: arrivals[i]!,
    outputTokens: names[i]!.startsWith('c') ? 3 : 1,
  }))
  const run = tinyRun({
    ...{ requests, backends, router: algorithm },
    ...(by === 'client' && { timeoutMs: 36 }),
  })
  expect(admitted(run, names)).toBe('c@0 c1@30 a@60 b@70')
})

test('a gate around a pair', () => {
  const pools = [
    backend({ latency: tenMs, role: 'prefill' }),
    backend({ latency: tenMs, role: 'decode' }),
  ]
  const algorithm = gate.wrap(pdPair(router(), router()), oneAtATime)
  const run = tinyRun({ requests: named(tenants), backends: pools, router: algorithm })
  expect(run.outcomes.outcome.every((outcome) => outcome === OUTCOME.completed)).toBe(true)
})

test('a gate that is never full changes nothing; any gate loses nothing', () => {
  for (let seed = 0; seed < 150; seed++) {
    const story: TinyRun = { ...randomStory(seed, 'ties'), stepper: 'fast' }
    const isPair = [story.backends].flat().some((each) => each!.role !== 'both')
    const inner = () => (isPair ? [story.router!].flat()[0]! : inTurn())
    const { outcomes: expected } = tinyRun({ ...untroubled(story), router: inner() })
    const open = gate.wrap(inner(), { saturation: 'concurrency', request_limit: 1e9 })
    const { outcomes } = tinyRun({
      ...untroubled(randomStory(seed, 'ties')),
      stepper: 'fast',
      router: open,
    })
    if (!isPair) expect(outcomes.finishedMs, `${seed}`).toEqual(expected.finishedMs)
    const narrow = gate.wrap(inTurn(), { ...oneAtATime, poll_ms: 3 })
    // Conservation is checked by the engine after every run.
    tinyRun({ ...story, router: isPair ? gate.wrap(inner(), { poll_ms: 3 }) : narrow })
  }
})
