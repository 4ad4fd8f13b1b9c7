// Prints what a built-in router and the engine allocate per routed request, in bytes: `boxes` are lone numbers,
// `objects` all else. In a process of its own, and of the built packages: what V8 has made of them for one router
// would be left to the next. node measure-allocations.mjs ROUTER
import { Session } from 'node:inspector/promises'
import { builtinRouters } from '@routesim/algorithms'
import { Simulation } from '@routesim/core'
import { piecewiseLatency, radixKvCache } from '@routesim/hardware'
import { TokenGapRecorder } from '@routesim/metrics'
import { generateTrace } from '@routesim/traces'

const REQUESTS = 160_000
const BACKENDS = 16
/** Events until V8 has optimised what is hot, and events in each look after that. */
const WARM_EVENTS = 200_000
const LOOK_EVENTS = 40_000
/** Size of a number that stands on the heap by itself: a map and 64 bits. */
const BOX_BYTES = 16

const latency = piecewiseLatency({
  prefillTokensPerSec: 50_000,
  decodeTokensPerSecBatch1: 80,
  decodeThroughputSaturationBatch: 64,
  decodeTokensPerSecSaturated: 3200,
})

function simulation(name) {
  const rateRps = 8 * BACKENDS
  const requests = generateTrace({
    kind: 'poisson',
    rateRps,
    durationSec: REQUESTS / rateRps,
    numPrefixes: 50,
  })
  const backends = Array.from({ length: BACKENDS }, () => ({
    role: 'both',
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
    router: builtinRouters.find((router) => router.name === name).create(),
    seed: 1,
    recorder: new TokenGapRecorder(),
  })
}

/** By V8's own account, which at this interval has every allocation; collected ones included. */
async function allocated(session, run) {
  const before = run.endedRequests
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 1,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
  run.run(LOOK_EVENTS)
  const { profile } = await session.post('HeapProfiler.stopSampling')
  // What the look itself allocates is not the run's.
  const own = new Set()
  const visit = (node) => {
    if (!node.callFrame.url.startsWith('node:')) own.add(node.id)
    for (const child of node.children) visit(child)
  }
  visit(profile.head)
  const sizes = profile.samples.filter(({ nodeId }) => own.has(nodeId)).map(({ size }) => size)
  const perRequest = (some) =>
    some.reduce((total, size) => total + size, 0) / (run.endedRequests - before)
  return {
    boxes: perRequest(sizes.filter((size) => size === BOX_BYTES)),
    objects: perRequest(sizes.filter((size) => size !== BOX_BYTES)),
  }
}

const session = new Session()
session.connect()
const run = simulation(process.argv[2])
run.run(WARM_EVENTS)
const least = { boxes: Number.POSITIVE_INFINITY, objects: Number.POSITIVE_INFINITY }
// V8 may still be compiling in the first looks: the steady state is the least of them.
for (let i = 0; i < 8 && !(least.boxes + least.objects <= 1); i++) {
  const look = await allocated(session, run)
  least.boxes = Math.min(least.boxes, look.boxes)
  least.objects = Math.min(least.objects, look.objects)
}
process.stdout.write(JSON.stringify(least))
