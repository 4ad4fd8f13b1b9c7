// What routers say of their decisions, and what would have come of others.
import {
  builtinRouters,
  defineRouter,
  dualmap,
  findRouter,
  flowControl,
  gate,
  leastBy,
  leastOutstanding,
  skywalker,
} from '@routesim/algorithms'
import { type BackendView, type DecisionRecord, hold } from '@routesim/core'
import {
  type AlgorithmChoice,
  compare,
  type ExplainOptions,
  explain,
  parseConfig,
  run,
} from '@routesim/experiments'
import { describe, expect, test } from 'vitest'
import { expectEqual } from '../testing/expect-equal.js'
import { randomStory } from '../testing/random-story.js'
import { backend, STEPPERS, type TinyRun, tinyRun, tinyTable } from '../testing/tiny-run.js'

/** Busy, with conversations and shared prefixes, on caches that are too small. */
const busy = parseConfig(`
[cluster]
num_backends = 4
kv_cache_blocks = 1024
max_queue_depth = 12
[trace]
rate = 14
duration_sec = 12
prompt_tokens_mean = 900
gen_tokens_mean = 120
turns_mean = 3
think_time_mean_sec = 1
num_prefixes = 4
`)
const PROFILES = ['exact', 'standalone-100ms'] as const
const names = builtinRouters.map(({ name }) => name)

async function decisionsOf(algorithm: AlgorithmChoice, visibility: string, config = busy) {
  const records: DecisionRecord[] = []
  const observer = { decided: (record: DecisionRecord) => void records.push(record) }
  const { result } = await run({ config, algorithm, visibility, observer, jobs: 1 })
  return { records, result }
}

describe.each(PROFILES)('%s', (visibility) => {
  test.each(names)('%s decides the same whether or not somebody looks', async (algorithm) => {
    const { records, result } = await decisionsOf(algorithm, visibility)
    const { result: alone } = await run({ config: busy, algorithm, visibility, jobs: 1 })
    expect(JSON.stringify(result)).toBe(JSON.stringify(alone))
    const sent = records.filter(({ action }) => action === 'send').length
    const refused = records.filter(({ action }) => action === 'reject').length
    const summary = JSON.parse(JSON.stringify(result))
    const { per_backend_requests, rejected_requests, total_requests } = summary
    // However often it was held or has moved since, a request is sent or rejected once.
    expect(sent + refused).toBe(total_requests)
    expect(new Set(records.map(({ request }) => request)).size).toBe(total_requests)
    const total = per_backend_requests.reduce((sum: number, count: number) => sum + count, 0)
    // What a full queue refuses was sent there all the same.
    expect(sent).toBeLessThanOrEqual(total + rejected_requests)
    // One that has moved counts once, where it was last.
    expect(sent).toBeGreaterThanOrEqual(total)
  })

  test.each(names)('%s says what spoke for its choice', async (algorithm) => {
    const { records } = await decisionsOf(algorithm, visibility)
    expect(records.length).toBeGreaterThan(150)
    let scored = 0
    for (const { backend, traces, backends, isRelease } of records) {
      // Nobody is asked when a request that was held is let go.
      if (isRelease) continue
      const [trace] = traces
      expect(trace?.best ?? trace?.branch).toBeDefined()
      if (trace?.best === undefined) continue
      scored++
      const { candidates, best, tied, isDrawn } = trace
      expect(candidates.map((each) => each.backend)).toEqual([0, 1, 2, 3])
      const able = candidates.filter((each) => backends[each.backend]!.believed.available)
      const sign = best === 'lowest' ? 1 : -1
      const least = Math.min(...able.map(({ score }) => sign * score!))
      expect(able.filter(({ score }) => sign * score! === least).length).toBe(tied)
      if (backend === -1 || isDrawn) continue
      expect(sign * candidates[backend]!.score!).toBe(least)
    }
    const { terms = {} } = findRouter(algorithm).manifest
    const noted = records.flatMap(({ traces: [trace] }) =>
      trace!.candidates.flatMap((each) => Object.keys(each.terms)),
    )
    for (const name of new Set(noted)) expect(Object.keys(terms)).toContain(name)
    const ruled = ['round_robin', 'sglang_cache_aware', 'session_affinity']
    if (!ruled.includes(algorithm)) expect(scored).toBeGreaterThan(100)
  })

  test.each(names)('%s, forced to what it chose, gives the same run', async (algorithm) => {
    const report = await explain({
      ...{ config: busy, algorithm, visibility, requests: { random: 4 } },
    })
    let others = 0
    for (const { decisions, ttftMs, e2eMs, outcome } of report.requests) {
      for (const { record, alternatives } of decisions) {
        const chosen = alternatives.find(({ isChosen }) => isChosen)
        // Neither has a backend that was chosen.
        if (record.action === 'hold') expect(alternatives).toEqual([])
        else if (chosen === undefined) expect(outcome).toBe('rejected')
        else expect(chosen).toMatchObject({ ttftMs, e2eMs, outcome })
        others += alternatives.filter(({ isChosen }) => !isChosen).length
      }
    }
    expect(others).toBeGreaterThan(0)
  })
})

test('scores are the sum of their terms', async () => {
  const { records } = await decisionsOf('dynamo_kv', 'exact')
  for (const { traces } of records) {
    for (const { score, terms } of traces[0]!.candidates) {
      const { prefill_blocks = 0, credit_blocks = 0, decode_blocks = 0 } = terms
      expect(score).toBe(Math.max(0, prefill_blocks - credit_blocks) + decode_blocks)
    }
  }
  const { records: scored } = await decisionsOf('epp_scorers', 'exact')
  for (const { traces } of scored) {
    for (const { score, terms } of traces[0]!.candidates) {
      const sum = Object.values(terms).reduce((total, term) => total + term, 0)
      expect(score).toBeCloseTo(sum, 9)
    }
  }
})

test('what is believed is late, what is so is not', async () => {
  const { records } = await decisionsOf('dynamo_standalone', 'standalone-100ms')
  const facts = records.flatMap(({ backends }) => backends)
  const ages = facts.map(({ believed }) => believed.metricsAgeMs).filter(Number.isFinite)
  expect(Math.max(...ages)).toBeGreaterThan(50)
  expect(facts.some(({ believed, actual }) => believed.running !== actual.running)).toBe(true)
  const { records: exact } = await decisionsOf('dynamo_standalone', 'exact')
  for (const { believed, actual } of exact.flatMap(({ backends }) => backends)) {
    const { metricsAgeMs, ...same } = believed
    expect(metricsAgeMs).toBe(0)
    expect(same).toEqual(actual)
  }
})

/** A single backend computes the prompt of 50,000 tokens at 50,000 tokens/s, the other is idle. */
const twoRequests = tinyTable([
  { arrivalMs: 0, promptTokens: 50_000, outputTokens: 2 },
  { arrivalMs: 100, promptTokens: 500, outputTokens: 2 },
])
const pair = parseConfig('[cluster]\nnum_backends = 2\nmax_batch_tokens = 50000\n')
const toFirst = defineRouter({
  name: 'to_first',
  description: 'Sends everything to backend 0.',
  create: () => ({ route: (_request, cluster) => cluster.backends[0]! }),
})

async function explained(algorithm: AlgorithmChoice, options: Partial<ExplainOptions> = {}) {
  return explain({
    ...{ config: pair, trace: twoRequests, algorithm, visibility: 'exact' },
    ...{ requests: { ids: [1] }, ...options },
  })
}

test('the idle backend would have been quicker by the wait for the busy one', async () => {
  const [request] = (await explained(toFirst)).requests
  const [decision] = request!.decisions
  const [busyOne, idleOne] = decision!.alternatives
  expect(busyOne).toMatchObject({ backend: 0, isChosen: true, ttftMs: request!.ttftMs })
  const { result } = await run({
    ...{ config: pair, algorithm: toFirst, jobs: 1, visibility: 'exact' },
    trace: tinyTable([{ arrivalMs: 100, promptTokens: 500, outputTokens: 2 }]),
  })
  expect(idleOne).toMatchObject({ backend: 1, isChosen: false, outcome: 'completed' })
  expect(idleOne!.ttftMs).toBe(JSON.parse(JSON.stringify(result)).ttft.mean)
  expect(busyOne!.ttftMs).toBeGreaterThan(idleOne!.ttftMs + 500)
  // A router that says nothing has candidates all the same.
  expect(decision!.record.traces[0]!.candidates.map(({ backend }) => backend)).toEqual([0, 1])
})

test('a router that is forced knows where it sent the request', () => {
  const force = (router: string, backends: number, to: number) => {
    const requests = [0, 500, 1000].map((arrivalMs) => ({ arrivalMs, session: 's' }))
    const forcedDecision = { request: 0, attempt: 0, turn: 0, backend: to, decode: to }
    const fleet = Array.from({ length: backends }, () => backend())
    const run = tinyRun({
      ...{ requests, backends: fleet, router: findRouter(router).create(), forcedDecision },
    })
    return [...run.outcomes.backend]
  }
  expect(force('session_affinity', 4, 2)).toEqual([2, 2, 2])
  expect(force('session_affinity', 4, 3)).toEqual([3, 3, 3])
  expect(force('round_robin', 4, 2)).toEqual([2, 3, 0])
  // Its cost of 1 is on the backend that was forced, and has decayed when there is the same on the other.
  expect(force('cost_escalation', 2, 1)).toEqual([1, 0, 1])
  expect(force('cost_escalation', 2, 0)).toEqual([0, 1, 0])
})

test('a router of leastBy explains itself', async () => {
  const fewest = defineRouter({
    name: 'fewest',
    description: 'Fewest requests.',
    create: () => ({ route: (_, cluster) => leastBy(cluster, ({ outstanding }) => outstanding) }),
  })
  const [request] = (await explained(fewest)).requests
  const { record } = request!.decisions[0]!
  const [trace] = record.traces
  expect(trace).toMatchObject({ best: 'lowest', tied: 1 })
  expect(trace!.candidates.map(({ score }) => score)).toEqual([1, 0])
})

const full = { saturation: 'concurrency', request_limit: 2, poll_ms: 10 }

test.each([
  ['dualmap', () => dualmap.create()],
  ['skywalker', () => skywalker.create({ max_waiting: 1 })],
  ['gate', () => gate.wrap(leastOutstanding.create({ ties: 'first' }), full)],
  ['flow_control', () => flowControl.wrap(leastOutstanding.create({ ties: 'first' }), full)],
])('%s, forced, sends what it holds there when its turn comes', (_name, router) => {
  const story = (): TinyRun => ({
    requests: Array.from({ length: 24 }, (_, i) => ({
      arrivalMs: 20 * i,
      promptTokens: 400 + 10 * i,
      outputTokens: i % 3 === 0 ? 60 : 5,
    })),
    backends: [backend({ maxNumSeqs: 2 }), backend({ maxNumSeqs: 2 }), backend({ maxNumSeqs: 2 })],
    router: router(),
  })
  const records: DecisionRecord[] = []
  const plain = tinyRun({ ...story(), onDecision: (record) => records.push(record) })
  const held = records.filter(({ action, isRelease }) => action === 'hold' && !isRelease)
  expect(held.length).toBeGreaterThan(0)
  for (const { traces } of held) expect(traces[0]!.branch).toBeDefined()
  for (const { request, attempt, turn, backend: chosen, random, isRelease } of records) {
    if (chosen === -1) continue
    for (const to of [0, 1, 2]) {
      const forcedDecision = {
        ...{ request, attempt, turn, backend: to, decode: to },
        ...(!isRelease && { random }),
      }
      const forced = tinyRun({ ...story(), forcedDecision })
      expect(forced.outcomes.backend[request], `${request} to ${to}`).toBe(to)
      if (to === chosen) expectEqual(forced, plain, `${request}`)
    }
  }
})

/** Holds the second request until the first is done, then sends it after it. */
const patient = defineRouter({
  name: 'patient',
  description: 'Holds what comes while something is under way.',
  create: () => {
    const waiting: number[] = []
    let busyWith = 0
    return {
      route(request, cluster) {
        if (busyWith++ === 0) return cluster.backends[0]!
        waiting.push(request.id)
        return hold()
      },
      onFinished(_request, backend: BackendView, cluster) {
        busyWith--
        const next = waiting.shift()
        if (next !== undefined) cluster.release(next, backend)
      },
    }
  },
})

test('a request that was held has two decisions, and the second could have gone elsewhere', async () => {
  const [request] = (await explained(patient)).requests
  const [held, released] = request!.decisions
  expect(held).toMatchObject({ record: { action: 'hold', turn: 0 }, alternatives: [] })
  expect(released!.record).toMatchObject({ action: 'send', turn: 1, isRelease: true, backend: 0 })
  const [same, other] = released!.alternatives
  expect(same!.ttftMs).toBe(request!.ttftMs)
  expect(other).toMatchObject({ backend: 1, ttftMs: request!.ttftMs, outcome: 'completed' })
})

test('both halves of a pair are explained, and tried one by one', async () => {
  const config = parseConfig(`
[cluster]
num_backends = 5
[cluster.disaggregated]
enabled = true
prefill_backends = 2
decode_backends = 3
[trace]
rate = 8
duration_sec = 5
num_prefixes = 3
`)
  const report = await explain({
    ...{ config, algorithm: 'dynamo_kv', visibility: 'exact', requests: { worst: 2 } },
  })
  for (const { decisions, ttftMs } of report.requests) {
    const { record, alternatives } = decisions[0]!
    expect(record.traces.map(({ stage }) => stage)).toEqual(['prefill', 'decode'])
    expect(record.traces.map(({ candidates }) => candidates.length)).toEqual([2, 3])
    expect(alternatives.length).toBe(4)
    expect(alternatives[0]).toMatchObject({ isChosen: true, ttftMs })
    for (const { backend, decode } of alternatives) {
      expect(backend === record.backend || decode === record.decode).toBe(true)
    }
  }
})

test('the requests that waited longest come first, and an unknown one is an error', async () => {
  const report = await explain({
    ...{ config: busy, algorithm: 'random', visibility: 'exact' },
    ...{ requests: { worst: 5 }, mostAlternatives: 0 },
  })
  const ttft = report.requests.map(({ ttftMs }) => ttftMs)
  const rank = (value: number) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)
  for (let i = 1; i < 5; i++) expect(rank(ttft[i]!)).toBeLessThanOrEqual(rank(ttft[i - 1]!))
  await expect(explained('random', { requests: { ids: [2] } })).rejects.toThrow(
    'request: expected a number from 0 to 1, got 2',
  )
})

test('an observer hears of the decisions of all algorithms of a comparison', async () => {
  const heard = new Set<string>()
  const observer = {
    decided: (_: DecisionRecord, { algorithm, seed }: { algorithm: string; seed: number }) =>
      void heard.add(`${algorithm} ${seed}`),
  }
  const algorithms = ['round_robin', 'random']
  await compare({ config: busy, algorithms, observer, seeds: 2, seed: 7 })
  expect([...heard]).toEqual(['round_robin 7', 'random 7', 'round_robin 8', 'random 8'])
})

describe.each(STEPPERS)('%s', (stepper) => {
  // Failing backends, retries, timeouts, holds, pairs and ranks; a router of the story's own, which
  // looks at no availability, or a built-in one.
  test('forcing what was chosen anyway changes nothing, whatever happens', () => {
    let forced = 0
    let repeated = 0
    for (let seed = 0; seed < 250; seed++) {
      const kind = (['plain', 'decimal', 'ties', 'stress'] as const)[seed % 4]!
      const fresh = (): TinyRun => {
        const story = randomStory(seed, kind)
        const isWhole = story.backends!.every(({ role }) => role === 'both')
        const definition = builtinRouters[seed % builtinRouters.length]!
        const router = isWhole && seed % 3 > 0 ? definition.create() : story.router!
        return { ...story, router, stepper }
      }
      const records: DecisionRecord[] = []
      const plain = tinyRun(fresh())
      const watched = tinyRun({ ...fresh(), onDecision: (record) => records.push(record) })
      expectEqual(watched, plain, `${kind} ${seed}`)
      const sent = records.filter(
        ({ action, backend }) => backend >= 0 && action !== 'hold' && action !== 'reject',
      )
      if (sent.length === 0) continue
      const last = sent.findLast(({ attempt, turn }) => attempt + turn > 0)
      if (last !== undefined) repeated++
      for (const record of [sent[seed % sent.length]!, last ?? sent.at(-1)!]) {
        const { request, attempt, turn, backend, decode, random, isRelease } = record
        const forcedDecision = {
          ...{ request, attempt, turn, backend, decode },
          ...(!isRelease && { random }),
        }
        forced++
        expectEqual(tinyRun({ ...fresh(), forcedDecision }), plain, `${kind} ${seed} ${request}`)
      }
    }
    expect(forced).toBeGreaterThan(400)
    expect(repeated).toBeGreaterThan(10)
  })
})
