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

/** Bytes allocated per routed request, by V8's own account; what the collector took again included. */
async function allocated(session: Session, run: Simulation): Promise<number> {
  const before = run.endedRequests
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 256,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as object)
  run.run(LOOK_EVENTS)
  const { profile } = await session.post('HeapProfiler.stopSampling')
  let bytes = 0
  const visit = (node: typeof profile.head): void => {
    // What the look itself allocates is not the run's.
    if (!node.callFrame.url.startsWith('node:')) bytes += node.selfSize
    for (const child of node.children) visit(child)
  }
  visit(profile.head)
  return bytes / (run.endedRequests - before)
}

// Usually it is nothing. But a number that crosses a call which V8 chose not to inline is boxed, in 16
// bytes, and what it inlines differs from process to process: so a handful of those are let pass, and
// what would be an object per request, or a number per backend, is not.
const MOST_BYTES = 96

test.each(builtinRouters.map(({ name }) => name))(
  'in its steady state %s allocates no object per routed request',
  async (name) => {
    const session = new Session()
    session.connect()
    const run = simulation(name)
    run.run(WARM_EVENTS)
    const looks: number[] = []
    // V8 may still be compiling in the first looks: the steady state is the least of them.
    for (let i = 0; i < 8 && !(Math.min(...looks) <= 1); i++) {
      looks.push(await allocated(session, run))
    }
    session.disconnect()
    expect(Math.min(...looks)).toBeLessThanOrEqual(MOST_BYTES)
  },
)
