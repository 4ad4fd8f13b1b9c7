import { Session } from 'node:inspector/promises'
import { builtinRouters } from '@routesim/algorithms'
import { Simulation } from '@routesim/core'
import { piecewiseLatency, radixKvCache } from '@routesim/hardware'
import { TokenGapRecorder } from '@routesim/metrics'
import { generateTrace } from '@routesim/traces'
import { expect, test } from 'vitest'

const REQUESTS = 160_000
const BACKENDS = 16
/** Events until V8 has optimised what is hot, and events in each look after that. */
const WARM_EVENTS = 200_000
const LOOK_EVENTS = 40_000

const latency = piecewiseLatency({
  prefillTokensPerSec: 50_000,
  decodeTokensPerSecBatch1: 80,
  decodeThroughputSaturationBatch: 64,
  decodeTokensPerSecSaturated: 3200,
})

function simulation(name: string): Simulation {
  const rateRps = 8 * BACKENDS
  const requests = generateTrace({
    kind: 'poisson',
    rateRps,
    durationSec: REQUESTS / rateRps,
    numPrefixes: 50,
  })
  const backends = Array.from({ length: BACKENDS }, () => ({
    role: 'both' as const,
    latency,
    kv: { blocks: 8192, blockTokens: 16 },
    maxBatchTokens: 16_384,
    maxNumSeqs: 256,
    maxQueueDepth: 1_000_000,
    chunkedPrefill: true,
  }))
  return new Simulation({
    cluster: { backends, kvCache: radixKvCache() },
    requests,
    router: builtinRouters.find((router) => router.name === name)!.create(),
    seed: 1,
    recorder: new TokenGapRecorder(),
  })
}

/** Size of a number that stands on the heap by itself: a map and 64 bits. */
const BOX_BYTES = 16

/** Bytes allocated per routed request. */
interface Allocated {
  readonly boxes: number
  /** In anything but lone numbers. */
  readonly objects: number
}

/** What the types of Node leave out of a profile. */
interface Profile {
  readonly head: ProfileNode
  /** Allocations; with an interval of 1, one each. */
  readonly samples: readonly { readonly nodeId: number; readonly size: number }[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly url: string }
  readonly children: readonly ProfileNode[]
}

/** By V8's own account, which at this interval has every allocation; collected ones included. */
async function allocated(session: Session, run: Simulation): Promise<Allocated> {
  const before = run.endedRequests
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 1,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as object)
  run.run(LOOK_EVENTS)
  const { profile } = await session.post('HeapProfiler.stopSampling')
  const { head, samples } = profile as unknown as Profile
  // What the look itself allocates is not the run's.
  const own = new Set<number>()
  const visit = (node: ProfileNode): void => {
    if (!node.callFrame.url.startsWith('node:')) own.add(node.id)
    for (const child of node.children) visit(child)
  }
  visit(head)
  const sizes = samples.filter(({ nodeId }) => own.has(nodeId)).map(({ size }) => size)
  const sum = (some: readonly number[]): number =>
    some.reduce((total, size) => total + size, 0) / (run.endedRequests - before)
  return {
    boxes: sum(sizes.filter((size) => size === BOX_BYTES)),
    objects: sum(sizes.filter((size) => size !== BOX_BYTES)),
  }
}

// Columns grow now and then, and V8 compiles: much less than the least object for each request.
const MOST_OBJECT_BYTES = 4
// A number that crosses a call which V8 chose not to inline is boxed, and what it inlines differs from
// process to process: so a handful of those are let pass, and a number per backend is not.
const MOST_BOX_BYTES = 112

/** Their index remembers the prompts they have sent: what it takes per request is memory they keep. */
const REMEMBERING = ['sglang_cache_aware']

/**
 * Those that let requests wait: `dualmap` says until when, a decision of 40 bytes for each that does, now and then twice;
 * `aibrix_slo` keeps an account of each, what every backend had of it included.
 */
const WAITING: Readonly<Record<string, number>> = { dualmap: 48, aibrix_slo: 1000 }

const names = builtinRouters.map(({ name }) => name)

test.each(names.filter((name) => !REMEMBERING.includes(name)))(
  'in its steady state %s allocates no object per routed request',
  async (name) => {
    const session = new Session()
    session.connect()
    const run = simulation(name)
    run.run(WARM_EVENTS)
    let boxes = Number.POSITIVE_INFINITY
    let objects = Number.POSITIVE_INFINITY
    // V8 may still be compiling in the first looks: the steady state is the least of them.
    for (let i = 0; i < 8 && !(boxes + objects <= 1); i++) {
      const look = await allocated(session, run)
      boxes = Math.min(boxes, look.boxes)
      objects = Math.min(objects, look.objects)
    }
    session.disconnect()
    expect(objects).toBeLessThanOrEqual(WAITING[name] ?? MOST_OBJECT_BYTES)
    expect(boxes).toBeLessThanOrEqual(MOST_BOX_BYTES)
  },
)
