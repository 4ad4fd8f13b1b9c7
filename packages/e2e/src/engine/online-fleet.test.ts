import { roundRobin } from '@routesim/algorithms'
import {
  type BackendSpec,
  OnlineFleet,
  RandomStream,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { affineLatency, ContentKvCache, pagedKvCache } from '@routesim/hardware'
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

/** A fleet that names no two blocks alike, and what it told. */
function online(rows: number, frontEndMs = 0) {
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
      },
      requestFinished: (row) => log.finished.set(row, fleet.nowMs),
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

test('KV tiers are refused, not left out', () => {
  const tiers = [{ name: 'cpu', blocks: 10, latencyMs: 0, msPerBlock: 1 }]
  const backends = [SPEC, { ...SPEC, kv: { ...SPEC.kv, tiers } }]
  const listener = { tokensProduced: () => {}, requestFinished: () => {} }
  const cluster = { backends, kvCache: pagedKvCache() }
  expect(() => new OnlineFleet({ cluster, rows: 1, listener })).toThrow(
    expect.objectContaining({ code: 'options_invalid', path: 'cluster.backends[1].kv.tiers' }),
  )
})
