// A run whose requests come one by one, in rows that are given again, is the run of the whole table.
import { findRouter } from '@routesim/algorithms'
import {
  type BackendSpec,
  hold,
  OUTCOME,
  type RequestTable,
  Simulation,
  type SimulationOptions,
  tableSource,
} from '@routesim/core'
import { pagedKvCache, radixKvCache } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { randomStory, type StoryKind } from '../testing/random-story.js'
import {
  backend,
  inTurn,
  kvTransfer,
  pairsInTurn,
  seeing,
  type TinyRun,
  tinyTable,
} from '../testing/tiny-run.js'
import { COLUMNS, type Told, toldRun } from '../testing/told-run.js'

type Trouble = Pick<SimulationOptions, 'events' | 'retries' | 'timeoutMs'>

/** A table again and again, each time after the last: long enough that rows are given many times. */
function repeated(table: RequestTable, times: number): RequestTable {
  const spanMs = table.arrivalMs[table.size - 1]! + 50
  const column = (name: (typeof COLUMNS)[number] | 'maxTokens' | 'prefixTokens') => {
    const out = new Int32Array(table.size * times)
    for (let i = 0; i < times; i++) out.set(table[name], i * table.size)
    return out
  }
  const arrivalMs = new Float64Array(table.size * times)
  arrivalMs.forEach((_, i) => {
    arrivalMs[i] = table.arrivalMs[i % table.size]! + Math.floor(i / table.size) * spanMs
  })
  const none = new Int32Array(table.size * times).fill(-1)
  return {
    size: arrivalMs.length,
    arrivalMs,
    promptTokens: column('promptTokens'),
    outputTokens: column('outputTokens'),
    maxTokens: column('maxTokens'),
    promptNode: column('promptNode'),
    prefixTokens: column('prefixTokens'),
    session: none,
    user: none,
    tenant: none,
    model: none,
    adapter: none,
    priority: new Int32Array(arrivalMs.length),
    ttftSloMs: new Int32Array(arrivalMs.length),
    strings: [],
    prompts: table.prompts,
  }
}

function both(
  seed: number,
  kind: StoryKind,
  more: Partial<BackendSpec> = {},
  routerOf: (story: TinyRun) => SimulationOptions['router'] = ({ router }) => router!,
  troubleOf: (backends: number) => Trouble = () => ({}),
): { table: Told; source: Told; requests: RequestTable } {
  const [first, second] = [randomStory(seed, kind), randomStory(seed, kind)] as const
  const requests = repeated(first.requests as RequestTable, 80)
  const options = (story: TinyRun) => {
    const { transfer, prefixCaching, backends } = story
    return {
      cluster: {
        backends: backends!.map((spec) => ({ ...spec, maxQueueDepth: 50, ...more })),
        kvCache: radixKvCache({ prefixCaching: prefixCaching! }),
        kvTransfer: transfer!,
      },
      router: routerOf(story),
      seed,
      warmupRequests: first.warmupRequests! * 20,
      ...troubleOf(backends!.length),
    }
  }
  return {
    requests,
    table: toldRun({ ...options(first), requests }),
    source: toldRun({ ...options(second), requests: tableSource(requests) }),
  }
}

test.each<StoryKind>(['plain', 'decimal', 'ties', 'stress'])(
  'every request fares as in the run of the table: %s',
  (kind) => {
    let preemptions = 0
    let longest = 0
    for (let seed = 1; seed <= 60; seed++) {
      const { table, source, requests } = both(seed, kind)
      expect(source.requests, `story ${seed}`).toEqual(table.requests)
      expect(source.gaps, `story ${seed}`).toEqual(table.gaps)
      expect(source.totals, `story ${seed}`).toEqual(table.totals)
      longest = Math.max(longest, requests.size)
      preemptions += table.totals.backends.reduce((sum, b) => sum + b.preemptions, 0)
    }
    expect(preemptions).toBeGreaterThan(100)
    expect(longest).toBeGreaterThan(4000)
  },
)

// Prompts of a story end amid content that others, and answers, have more of.
test.each([
  'chwbl_prefix',
  'sglang_cache_aware',
  'aibrix_prefix_cache',
  'dynamo_kv',
  'lmetric',
  'epp_scorers',
])('a router that reads prompts decides as in the run of the table: %s', (name) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { table, source } = both(seed, 'plain', { role: 'both' }, () =>
      findRouter(name).create({}),
    )
    expect(source, `story ${seed}`).toEqual(table)
  }
})

test.each([false, true])(
  'ranks behind a front end take streamed requests as they take those of a table, in lockstep: %s',
  (lockstep) => {
    let [measured, plain] = [0, 0]
    for (let seed = 1; seed <= 40; seed++) {
      const { table, source } = both(seed, 'plain', { dp: 2, lockstep, frontEndMs: 3 })
      expect(source.requests, `story ${seed}`).toEqual(table.requests)
      expect(source.gaps, `story ${seed}`).toEqual(table.gaps)
      expect(source.totals, `story ${seed}`).toEqual(table.totals)
      measured += table.requests.length
      if (table.requests.join() === both(seed, 'plain').table.requests.join()) plain++
    }
    expect(measured).toBeGreaterThan(10_000)
    // Ranks and front end change what becomes of requests, so the test sees them.
    expect(plain).toBe(0)
  },
)

test('clients that hang up and backends that fail make no difference', () => {
  /** Every backend in turn fails for a while, again and again. */
  const troubleOf = (backends: number): Trouble => ({
    events: Array.from({ length: 60 }, (_, i) => {
      const backend = Math.floor(i / 2) % backends
      return { atMs: 40 + 60 * i, backend, kind: i % 2 === 0 ? 'fail' : 'recover' }
    }),
    retries: { attempts: 2, backoffMs: 8 },
    timeoutMs: 200,
  })
  const ends = [0, 0, 0, 0, 0]
  for (const kind of ['plain', 'stress'] as const) {
    for (let seed = 1; seed <= 30; seed++) {
      const { table, source } = both(seed, kind, {}, undefined, troubleOf)
      expect(source.requests, `story ${seed}`).toEqual(table.requests)
      expect(source.gaps, `story ${seed}`).toEqual(table.gaps)
      expect(source.totals, `story ${seed}`).toEqual(table.totals)
      for (const request of table.requests) ends[Number(request.split(',')[COLUMNS.length])]!++
    }
  }
  expect(ends[OUTCOME.unfinished]).toBe(0)
  expect(Math.min(...ends.slice(OUTCOME.completed))).toBeGreaterThan(1000)
})

test('what requests that were called off leave in a large cache takes no rows', () => {
  // Each of them leaves whole blocks of its own; the cache has room for those of some 5,000.
  const requests = tinyTable(
    Array.from({ length: 12_000 }, (_, i) => ({
      arrivalMs: 10 * i,
      promptTokens: 100,
      outputTokens: 50,
    })),
  )
  const backends = [backend({ maxQueueDepth: 50, maxNumSeqs: 16 })]
  const cluster = { backends, kvCache: radixKvCache() }
  const of = (given: SimulationOptions['requests']): Told =>
    toldRun({ requests: given, cluster, router: inTurn(), seed: 1, timeoutMs: 150 })
  const [table, source] = [of(requests), of(tableSource(requests))]
  const timedOut = table.requests.filter(
    (request) => Number(request.split(',')[COLUMNS.length]) === OUTCOME.timed_out,
  )
  expect(timedOut.length).toBeGreaterThan(10_000)
  expect(table.totals.backends[0]!.cachedBlocks).toBeGreaterThan(10_000)
  expect(source).toEqual(table)
})

// Rows are made 1,024 at a time: the next requests after these take the rows of the first two.
test.each([1024, 1025])(
  'what a preempted request left in a cache is not taken for that of request %d in its row',
  (later) => {
    const long = (arrivalMs: number) => ({ arrivalMs, promptTokens: 160, outputTokens: 100 })
    // Two that preempt each other, then many that take no whole block, and a long one among them.
    const requests = tinyTable(
      Array.from({ length: 1100 }, (_, i) => {
        if (i < 2) return long(i)
        return i === later
          ? long(1e6)
          : { arrivalMs: i < later ? 20_000 + i : 2e6, promptTokens: 1 }
      }),
    )
    const backends = [backend({ kv: { blocks: 26, blockTokens: 16 } })]
    const cluster = { backends, kvCache: radixKvCache() }
    const of = (given: SimulationOptions['requests']): Told =>
      toldRun({ requests: given, cluster, router: inTurn(), seed: 1 })
    const [table, source] = [of(requests), of(tableSource(requests))]
    expect(table.totals.backends[0]!.preemptions).toBeGreaterThan(0)
    expect(source).toEqual(table)
  },
)

test('requests that are in no queue have room, far more than queues and batches have', () => {
  const count = 4000
  const requests = tinyTable(
    Array.from({ length: count }, (_, i) => ({ arrivalMs: i / 10, outputTokens: 50 })),
  )
  const small = { maxQueueDepth: 2, maxNumSeqs: 2 }
  const held: number[] = []
  const stories: TinyRun[] = [
    {
      requests,
      backends: [backend(small)],
      router: {
        name: 'one by one',
        route: ({ id }, { backends }) => (held.push(id) === 1 ? backends[0]! : hold()),
        onFinished: (_request, last, cluster) => {
          held.shift()
          if (held.length > 0) cluster.release(held[0]!, last)
        },
      },
    },
    {
      requests,
      backends: [
        backend({ role: 'prefill', maxQueueDepth: 50 }),
        backend({ ...small, role: 'decode' }),
      ],
      router: pairsInTurn(),
    },
    {
      requests,
      backends: [backend(small)],
      router: inTurn(),
      visibility: seeing({ decision: { fixedMs: 10_000, perTokenMs: 0 } }),
    },
  ]
  for (const { backends, router, visibility } of stories) {
    const simulation = new Simulation({
      seed: 1,
      requests: tableSource(requests),
      cluster: { backends: backends!, kvTransfer, kvCache: radixKvCache() },
      router: router!,
      ...(visibility && { visibility }),
    })
    while (!simulation.run());
    expect(simulation.endedRequests).toBe(count)
  }
})

test('a run from a source has no rows, and needs caches whose rows can be given again', () => {
  const requests = tinyTable([{ promptTokens: 5 }])
  const options = { router: inTurn(), seed: 1, requests: tableSource(requests) }
  const cluster = { backends: [backend()], kvTransfer }
  const simulation = new Simulation({
    ...options,
    cluster: { ...cluster, kvCache: radixKvCache() },
  })
  expect(simulation.run()).toBe(true)
  expect(simulation.totals()).toMatchObject({ complete: true, requestCount: 1 })
  expect(() => simulation.result()).toThrow(expect.objectContaining({ code: 'no_rows' }))
  expect(
    () => new Simulation({ ...options, cluster: { ...cluster, kvCache: pagedKvCache() } }),
  ).toThrow(expect.objectContaining({ code: 'options_invalid', path: 'requests' }))
})
