import { roundRobin } from '@routesim/algorithms'
import {
  type BackendSpec,
  OnlineFleet,
  type OnlineFleetOptions,
  RandomStream,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { affineLatency, ContentKvCache, pagedKvCache, radixKvCache } from '@routesim/hardware'
import { expect, test } from 'vitest'

const latency = affineLatency({
  baseMs: 5,
  prefillMsPerToken: 0.05,
  decodeMsPerRequest: 0.2,
  decodeMsPerContextToken: 0.001,
  mixedDecodeMsPerContextToken: 0.001,
  prefillMsPerAttentionPair: 0,
})

const SPEC: BackendSpec = {
  role: 'both',
  latency,
  kv: { blocks: 200, blockTokens: 16 },
  maxBatchTokens: 256,
  maxNumSeqs: 8,
  maxQueueDepth: 1000,
  chunkedPrefill: true,
}

interface Job {
  readonly arrivalMs: number
  readonly promptTokens: number
  readonly outputTokens: number
}

function jobs(count: number, seed: number): Job[] {
  const random = new RandomStream(seed, 'jobs')
  let arrivalMs = 0
  return Array.from({ length: count }, () => {
    arrivalMs += random.exponential(40)
    return {
      arrivalMs,
      promptTokens: 1 + random.integer(600),
      outputTokens: 1 + random.integer(120),
    }
  })
}

/** A fleet that names no two blocks alike, and what it told. @param heard - called with what the listener hears */
function online(
  rows: number,
  frontEndMs = 0,
  heard: (row: number, isEnd: boolean) => void = () => {},
) {
  const log = { first: new Map<number, number>(), finished: new Map<number, number>(), tokens: 0 }
  let cache: ContentKvCache | undefined
  const fleet: OnlineFleet = new OnlineFleet({
    cluster: {
      backends: [{ ...SPEC, frontEndMs }],
      kvCache: (requests, backends) => {
        const write = (row: number, from: number, to: number, out: Int32Array): void => {
          for (let i = from; i < to; i++) out[i - from] = row * 1000 + i
        }
        cache = new ContentKvCache({
          requests,
          backends,
          contents: () => ({ write }),
          prefixCaching: true,
        })
        return cache
      },
    },
    rows,
    listener: {
      tokensProduced: (row) => {
        log.tokens++
        if (!log.first.has(row)) log.first.set(row, fleet.nowMs)
        heard(row, false)
      },
      requestFinished: (row) => {
        log.finished.set(row, fleet.nowMs)
        heard(row, true)
      },
    },
  })
  return { fleet, log, cache: cache! }
}

function submit(fleet: OnlineFleet, row: number, job: Job): void {
  fleet.requests.promptTokens[row] = job.promptTokens
  fleet.requests.outputTokens[row] = job.outputTokens
  fleet.requests.maxTokens[row] = job.outputTokens
  fleet.submit(row, 0, job.arrivalMs)
}

test.each([0, 15])(
  'requests that come one by one take as long as those known before (front end %i ms)',
  (frontEndMs) => {
    const work = jobs(60, 7)
    const builder = new RequestTableBuilder()
    for (const job of work) builder.add(job)
    const simulated = simulate({
      cluster: { backends: [{ ...SPEC, frontEndMs }], kvCache: pagedKvCache() },
      requests: builder.build(),
      router: roundRobin.create(),
      seed: 1,
    })
    const { fleet, log, cache } = online(work.length, frontEndMs)
    work.forEach((job, row) => {
      submit(fleet, row, job)
    })
    fleet.advance(1e9)
    work.forEach((_, row) => {
      expect(log.first.get(row)).toBeCloseTo(simulated.outcomes.firstTokenMs[row]!, 6)
      expect(log.finished.get(row)).toBeCloseTo(simulated.outcomes.finishedMs[row]!, 6)
    })
    expect(log.tokens).toBe(work.reduce((sum, { outputTokens }) => sum + outputTokens, 0))
    cache.verify()
    expect(fleet.nextMs).toBe(Number.POSITIVE_INFINITY)
  },
)

test('whatever is given up at whatever time, all blocks come back and the others end', () => {
  for (let seed = 0; seed < 30; seed++) {
    const work = jobs(40, seed)
    const random = new RandomStream(seed, 'cancels')
    const { fleet, log, cache } = online(work.length, seed % 2 === 0 ? 0 : 9)
    const cancelled = new Set<number>()
    work.forEach((job, row) => {
      submit(fleet, row, job)
      if (random.float() < 0.6) return
      const victim = random.integer(row + 1)
      if (log.finished.has(victim)) return
      fleet.cancel(victim, job.arrivalMs + random.float() * 20)
      cancelled.add(victim)
    })
    fleet.advance(1e9)
    expect(log.finished.size + [...cancelled].filter((row) => !log.finished.has(row)).length).toBe(
      40,
    )
    for (const row of work.keys()) expect(fleet.isFree(row)).toBe(true)
    const usage = { total: 0, held: 0, cached: 0, free: 0 }
    fleet.usage(0, usage)
    expect(usage.held).toBe(0)
    expect([
      fleet.loads.waiting[0],
      fleet.loads.running[0],
      fleet.loads.pendingPromptTokens[0],
    ]).toEqual([0, 0, 0])
    cache.verify()
    cache.drop(0)
    fleet.usage(0, usage)
    expect(usage.free).toBe(usage.total)
  }
})

test('a listener may submit and give up requests, whatever it hears', () => {
  for (let seed = 0; seed < 30; seed++) {
    const random = new RandomStream(seed, 'acts')
    const work = jobs(200, seed)
    const rows = 12
    const under = new Set<number>()
    let next = rows
    let ended = 0
    const begin = (row: number, atMs: number): void => {
      submit(fleet, row, { ...work[next++]!, arrivalMs: atMs })
      under.add(row)
    }
    const { fleet, cache } = online(rows, seed % 2 === 0 ? 0 : 9, (row, isEnd) => {
      expect(under.has(row)).toBe(true)
      if (isEnd) {
        under.delete(row)
        ended++
        // Into the row that has just ended.
        if (random.float() < 0.7 && next < work.length) begin(row, fleet.nowMs)
      }
      if (random.float() > 0.1) return
      const victim = random.integer(rows)
      if (!under.has(victim)) return
      const laterMs = fleet.nowMs + (random.float() < 0.3 ? 20 : 0)
      const isFree = fleet.cancel(victim, laterMs)
      // Unless it has ended in the time that has passed.
      if (!under.delete(victim)) return
      ended++
      if (isFree && next < work.length) begin(victim, fleet.nowMs)
    })
    for (let row = 0; row < rows; row++) {
      submit(fleet, row, work[row]!)
      under.add(row)
    }
    fleet.advance(1e9)
    expect([under.size, ended]).toEqual([0, next])
    for (let row = 0; row < rows; row++) expect(fleet.isFree(row)).toBe(true)
    expect([fleet.loads.waiting[0], fleet.loads.outstanding[0]]).toEqual([0, 0])
    const usage = { total: 0, held: 0, cached: 0, free: 0 }
    fleet.usage(0, usage)
    expect(usage.held).toBe(0)
    cache.verify()
  }
})

test('a request that is submitted when another has ended is served from the next step on', () => {
  const again: number[] = []
  const { fleet, log } = online(2, 0, (row, isEnd) => {
    if (row !== 0 || !isEnd || again.push(fleet.nowMs) > 1) return
    submit(fleet, 0, { arrivalMs: fleet.nowMs, promptTokens: 10, outputTokens: 1 })
  })
  submit(fleet, 0, { arrivalMs: 0, promptTokens: 10, outputTokens: 1 })
  submit(fleet, 1, { arrivalMs: 0, promptTokens: 10, outputTokens: 4 })
  fleet.advance(1000)
  expect(again).toHaveLength(2)
  expect(fleet.counters(0)).toMatchObject({ prefillTokens: 30, decodeTokens: 3 })
  expect(log.finished.size).toBe(2)
})

const silent = { tokensProduced: () => {}, requestFinished: () => {} }

test('the next request of a row does not find the KV of one that was preempted and given up', () => {
  const fleet = new OnlineFleet({
    cluster: {
      backends: [{ ...SPEC, kv: { blocks: 20, blockTokens: 16 } }],
      kvCache: radixKvCache(),
    },
    rows: 2,
    listener: silent,
  })
  submit(fleet, 0, { arrivalMs: 0, promptTokens: 128, outputTokens: 160 })
  submit(fleet, 1, { arrivalMs: 0, promptTokens: 128, outputTokens: 100 })
  while (fleet.counters(0).preemptions === 0) fleet.advance(fleet.nextMs)
  expect(fleet.cancel(1, fleet.nowMs)).toBe(true)
  submit(fleet, 1, { arrivalMs: fleet.nowMs, promptTokens: 144, outputTokens: 3 })
  fleet.advance(1e6)
  expect(fleet.isFree(1)).toBe(true)
  expect(fleet.cachedTokens(1)).toBe(0)
})

test('time passes without end until nothing happens any more', () => {
  const { fleet, log } = online(1)
  submit(fleet, 0, { arrivalMs: 3, promptTokens: 10, outputTokens: 4 })
  fleet.advance(Number.POSITIVE_INFINITY)
  expect(fleet.nowMs).toBe(log.finished.get(0))
})

test('a handed-over request without a second token is refused, and so are rows that there are not', () => {
  const { fleet } = online(1)
  const refused = (path: string) => expect.objectContaining({ code: 'options_invalid', path })
  fleet.requests.promptTokens[0] = 10
  fleet.requests.outputTokens[0] = 1
  expect(() => fleet.submitHandedOver(0, 0, 0)).toThrow(refused('requests.outputTokens[0]'))
  expect(() => fleet.submit(1, 0, 0)).toThrow(refused('row'))
  expect(() => fleet.submit(0, 1, 0)).toThrow(refused('backend'))
  expect(fleet.isFree(0)).toBe(true)
})

test.each<[string, Partial<OnlineFleetOptions['cluster']>, number]>([
  ['cluster.backends', { backends: [] }, 1],
  ['cluster.backends[0].maxBatchTokens', { backends: [{ ...SPEC, maxBatchTokens: 0 }] }, 1],
  ['cluster.kvCache', { kvCache: pagedKvCache() }, 1],
  ['rows', {}, 0],
])('%s is looked at', (path, part, rows) => {
  const cluster = { backends: [SPEC], kvCache: radixKvCache(), ...part }
  expect(() => new OnlineFleet({ cluster, rows, listener: silent })).toThrow(
    expect.objectContaining({ code: 'options_invalid', path }),
  )
})

test('KV tiers are refused, not left out', () => {
  const tiers = [{ name: 'cpu', blocks: 10, latencyMs: 0, msPerBlock: 1 }]
  const backends = [SPEC, { ...SPEC, kv: { ...SPEC.kv, tiers } }]
  const cluster = { backends, kvCache: radixKvCache() }
  expect(() => new OnlineFleet({ cluster, rows: 1, listener: silent })).toThrow(
    expect.objectContaining({ code: 'options_invalid', path: 'cluster.backends[1].kv.tiers' }),
  )
})
