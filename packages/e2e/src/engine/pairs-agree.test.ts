// Features in pairs: both steppers agree, sums hold, and requests that come one by one fare as in a table.
import { llumnix } from '@routesim/algorithms'
import {
  hold,
  OUTCOME,
  RandomStream,
  type RequestTable,
  type RequestView,
  type RoutingAlgorithm,
  type SimulationOptions,
  tableSource,
} from '@routesim/core'
import { affineLatency, radixKvCache } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { disagreement, imbalance, type Observed, observe } from '../testing/both-steppers.js'
import { featuresOf, pairedStory } from '../testing/paired-story.js'
import { FEATURES, type Numbers } from '../testing/story-features.js'
import {
  backend,
  inTurn,
  kvTransfer,
  pairsInTurn,
  seeing,
  type TinyRun,
  tinyRun,
} from '../testing/tiny-run.js'
import { type Told, toldRun } from '../testing/told-run.js'

const names = Object.keys(FEATURES)
/** So many stories have each pair of features once, in one order; ROUTESIM_STORIES asks for more, and a count. */
const asked = process.env['ROUTESIM_STORIES']
/** A campaign goes on after the first fault: enough of them to see whether they are alike. */
const mostFaults = asked === undefined ? 1 : 10
const first = Number(process.env['ROUTESIM_FIRST_STORY'] ?? 0)
const eachPairOnce = Math.ceil(names.length ** 2 / 2)
const stories = Number(asked ?? eachPairOnce)

const tens = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 0,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})

/** What is wrong with a story, undefined where nothing is. */
function faultOf(
  seed: number,
  numbers: Numbers,
  features: readonly string[],
  ends?: Map<number, number>,
): string | undefined {
  const story = pairedStory(seed, numbers, features)
  const fast = observe(story, 'fast')
  const reference = observe(pairedStory(seed, numbers, features), 'reference')
  const portable = observe(pairedStory(seed, numbers, features), 'portable')
  if (ends !== undefined) count(fast, ends)
  return (
    disagreement(fast, reference, numbers) ??
    disagreement(fast, portable, 'exact') ??
    imbalance(fast, story)
  )
}

function count({ run }: Observed, ends: Map<number, number>): void {
  for (const outcome of run.outcomes.outcome) ends.set(outcome, (ends.get(outcome) ?? 0) + 1)
}

/** The same, or what is thrown. */
function faultOrError(...story: Parameters<typeof faultOf>): string | undefined {
  try {
    return faultOf(...story)
  } catch (error) {
    return String(error)
  }
}

/** A story with a fault, without the features that the fault does not need. */
function shrunk(seed: number, numbers: Numbers): string {
  let features = featuresOf(seed)
  for (const feature of features) {
    const fewer = features.filter((name) => name !== feature)
    if (faultOrError(seed, numbers, fewer) !== undefined) features = fewer
  }
  return `${numbers} ${seed}: ${features.join(', ')}: ${faultOrError(seed, numbers, features)}`
}

test.each<Numbers>(['exact', 'plain'])(
  'the steppers agree and nothing is lost, whatever comes together: %s numbers',
  (numbers) => {
    const ends = new Map<number, number>()
    const faults: string[] = []
    const last = first + (numbers === 'exact' ? stories : Math.ceil(stories / 4))
    for (let seed = first; seed < last && faults.length < mostFaults; seed++)
      if (faultOrError(seed, numbers, featuresOf(seed), ends) !== undefined)
        faults.push(shrunk(seed, numbers))
    if (asked !== undefined) {
      const told = Object.entries(OUTCOME).map(([name, id]) => `${ends.get(id) ?? 0} ${name}`)
      const of = `${numbers} numbers, stories ${first} to ${last - 1} of ${names.length} features`
      process.stdout.write(`${of}: ${faults.length} disagree; requests: ${told.join(', ')}\n`)
    }
    expect(faults).toEqual([])
    if (stories < eachPairOnce) return
    // The stories reach what they are meant to reach.
    for (const [name, outcome] of Object.entries(OUTCOME))
      if (name !== 'unfinished') expect(ends.get(outcome), name).toBeGreaterThan(20)
  },
  Math.max(120_000, stories * 300),
)

test('the steppers agree where all are evicted while KV caches are on their way', () => {
  let evictions = 0
  for (let seed = 0; seed < 200; seed++) {
    const story = (): TinyRun => {
      const random = new RandomStream(seed, 'evicted')
      const kv = { blocks: 12 + random.integer(6), blockTokens: 4 }
      return {
        requests: Array.from({ length: 12 }, () => ({
          promptTokens: 1 + random.integer(random.integer(4) === 0 ? 40 : 8),
          outputTokens: 2 + random.integer(12),
        })),
        backends: [
          backend({ latency: tens, role: 'prefill' }),
          backend({ latency: tens, role: 'decode', kv, preemption: 'evict_all' }),
        ],
        router: pairsInTurn(),
        transfer: {
          latencyMs: 0,
          bandwidthBytesPerSec: 1000,
          bytesPerToken: 1 + random.integer(3),
        },
        prefixCaching: false,
      }
    }
    const [fast, reference] = [observe(story(), 'fast'), observe(story(), 'reference')]
    expect(disagreement(fast, reference, 'exact'), `story ${seed}`).toBeUndefined()
    evictions += fast.run.outcomes.preemptions.filter((count) => count > 0).length
  }
  expect(evictions).toBeGreaterThan(200)
})

/** What needs a table, or calls requests by rows that mean nothing else. */
const ofTables = new Set(['followUps', 'joins', 'closedLoop', 'watched', 'stepByStep', 'looks'])

function told(story: TinyRun, requests: SimulationOptions['requests']): Told {
  const { backends, router, transfer = kvTransfer, prefixCaching = true, seed = 1 } = story
  const { events, retries, timeoutMs, visibility, warmupRequests } = story
  const cluster = {
    backends: backends!,
    kvCache: radixKvCache({ prefixCaching }),
    kvTransfer: transfer,
  }
  return toldRun({
    cluster,
    router: router!,
    requests,
    seed,
    ...(visibility && { visibility }),
    ...(events && { events }),
    ...(retries && { retries }),
    ...(timeoutMs && { timeoutMs }),
    ...(warmupRequests && { warmupRequests }),
  })
}

/** Features that a story from a source can have. */
function streamable(features: readonly string[]): string[] {
  const left = features.filter((name) => !ofTables.has(name))
  // Who holds requests that end elsewhere can not tell them from later ones with their ids.
  return left.includes('gate') || left.includes('timeouts')
    ? left.filter((name) => name !== 'holds')
    : left
}

function expectSameFromSource(seed: number, features: readonly string[], repeats: number): number {
  const [first, second] = [1, 2].map(() => pairedStory(seed, 'exact', features, repeats))
  const requests = first!.requests as RequestTable
  const about = `${seed}: ${features.join(', ')}`
  expect(told(second!, tableSource(requests)), about).toEqual(told(first!, requests))
  return requests.size
}

test('every request fares as in the run of the table, whatever comes together', () => {
  let longest = 0
  for (let seed = 0; seed < 40; seed++)
    longest = Math.max(longest, expectSameFromSource(seed, streamable(featuresOf(seed * 7)), 50))
  expect(longest).toBeGreaterThan(1500)
})

test('a router that lets go what has ended does not let go what came after, at another router', () => {
  const size = expectSameFromSource(107, ['timeouts', 'gate', 'slowRouters'], 30)
  // So many rows are given before the first is given again.
  expect(size).toBeGreaterThan(1024)
})

test('a turn that is sent in the instant of its arrival has a router and a length by then', () => {
  const seen: string[] = []
  const routers = [0, 1].map((i) => ({
    ...inTurn(),
    onDispatched: ({ id, promptTokens }: RequestView) =>
      void seen.push(`${i}: ${id} ${promptTokens > 0}`),
    onFinished: ({ id }: RequestView) => void seen.push(`${i}: ${id} ended`),
  }))
  tinyRun({
    // The first has ended and thought long before the second arrives.
    requests: [{}, { arrivalMs: 100, predecessor: 0 }, { arrivalMs: 200, predecessor: 0 }],
    backends: [backend({ latency: tens })],
    router: routers,
    visibility: seeing({
      routers: { replicas: 2, split: 'round_robin', syncMs: 0 },
      tokenError: 0.2,
    }),
  })
  expect(seen).toEqual([
    ...['0: 0 true', '0: 0 ended', '1: 1 true', '1: 1 ended'],
    ...['0: 2 true', '0: 2 ended'],
  ])
})

test.each(['nobody was asked', 'another rejected it'])(
  'a router may let go what has ended without its knowing: %s',
  (how) => {
    const router: RoutingAlgorithm = {
      name: 'holds for a while',
      route: ({ id }, { nowMs, backends: [only] }) =>
        how === 'another rejected it' && nowMs >= 20
          ? { kind: 'reject', reason: 'by a gate' }
          : id === 0
            ? hold(20)
            : only!,
      onFinished: (_, __, cluster) => cluster.release(0, cluster.backends[0]!),
    }
    const { outcomes } = tinyRun({
      requests: [{}, { arrivalMs: 1, outputTokens: 5 }],
      backends: [backend({ latency: tens })],
      router,
      ...(how === 'nobody was asked' && {
        events: [
          { atMs: 15, backend: 0, kind: 'remove' },
          { atMs: 30, backend: 0, kind: 'add' },
        ],
      }),
    })
    expect([...outcomes.outcome]).toEqual([OUTCOME.rejected, OUTCOME.completed])
  },
)

test('who moves requests by freeness moves them to backends that serve their model', () => {
  for (const model of ['a', 'b']) {
    const kv = { blocks: 40, blockTokens: 4 }
    const { outcomes } = tinyRun({
      requests: Array.from({ length: 12 }, (_, i) => ({
        arrivalMs: i,
        promptTokens: 8,
        outputTokens: 30,
        model: i < 10 ? model : model === 'a' ? 'b' : 'a',
      })),
      backends: ['a', 'a', 'b'].map((name) => backend({ latency: tens, kv, model: name })),
      router: llumnix.create({ interval_ms: 5 }),
    })
    outcomes.backend.forEach((on, i) => {
      expect(on === 2 ? 'b' : 'a').toBe(i < 10 ? model : model === 'a' ? 'b' : 'a')
    })
  }
})
