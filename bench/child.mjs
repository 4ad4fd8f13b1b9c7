// Measures one thing in a process of its own and prints it as JSON: node bench/child.mjs KIND CASE
import { createReadStream, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip, gunzipSync } from 'node:zlib'
import { findRouter, parseRouterSpec } from '@routesim/algorithms'
import { Simulation, simulate } from '@routesim/core'
import { pagedKvCache, piecewiseLatency, radixKvCache } from '@routesim/hardware'
import { RequestStatistics, summarize, summarizeTotals, TokenGapRecorder } from '@routesim/metrics'
import { GeneratedSource, readTrace, TraceGeneration } from '@routesim/traces'
import { workload } from './cases.mjs'

const [kind, json] = process.argv.slice(2)
const definition = JSON.parse(json)

/** CPU time of the whole process since `from`, in ms. */
function cpuMs(from) {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1000
}

/** Peak memory of this process; the operating system's own figure would start with the parent's. */
function peakRssMb() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
  } catch {
    return process.memoryUsage.rss() / 2 ** 20
  }
}

async function timed(work) {
  const from = process.cpuUsage()
  const result = await work()
  return [cpuMs(from), result]
}

const latency = piecewiseLatency({
  prefillTokensPerSec: 50_000,
  decodeTokensPerSecBatch1: 80,
  decodeThroughputSaturationBatch: 64,
  decodeTokensPerSecSaturated: 3200,
})

const fleet = () =>
  Array.from({ length: definition.backends }, () => ({
    role: 'both',
    latency,
    kv: { blocks: 32_768, blockTokens: 16 },
    maxBatchTokens: 16_384,
    maxNumSeqs: 256,
    maxQueueDepth: 1_000_000,
    chunkedPrefill: true,
  }))

/** The router of the case: a name, perhaps with parameters. */
function makeRouter() {
  const { name, parameters } = parseRouterSpec(definition.router)
  return findRouter(name).create(parameters)
}

function runOnce(requests, stepper, router = makeRouter()) {
  const recorder = new TokenGapRecorder()
  const backends = fleet()
  const kvCache = stepper === 'reference' ? pagedKvCache() : radixKvCache()
  const result = simulate({ cluster: { backends, kvCache }, requests, router, seed: 42, recorder })
  return { result, gaps: recorder.gaps }
}

/** Bytes of a file as `readTrace` reads them itself, and a mark when the last of them are consumed. */
async function* bytesOf(path, mark) {
  if (path.endsWith('.gz')) {
    yield* createReadStream(path).pipe(createGunzip({ chunkSize: 1 << 18 }))
  } else {
    const file = await open(path)
    const buffer = new Uint8Array(1 << 20)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length)
      if (bytesRead === 0) break
      yield buffer.subarray(0, bytesRead)
    }
    await file.close()
  }
  mark()
}

/** Reads or generates, and says how long parsing (or drawing) and how long finishing the columns took. */
async function ingest() {
  const { file, generate } = await workload(definition.workload)
  if (file === undefined) {
    const generation = new TraceGeneration(generate)
    const [parseMs] = await timed(() => generation.run())
    const [columnsMs, table] = await timed(() => generation.table())
    return { parseMs, columnsMs, table }
  }
  const blockTokens = definition.workload === 'chat1m' ? 64 : 512
  const from = process.cpuUsage()
  let parseMs = 0
  const stream = bytesOf(file, () => {
    parseMs = cpuMs(from)
  })
  const { table } = await readTrace({ path: file, stream }, { blockTokens })
  return { parseMs, columnsMs: cpuMs(from) - parseMs, table }
}

const KINDS = {
  /** Every phase once, in a fresh process. */
  async whole() {
    const { parseMs, columnsMs, table: requests } = await ingest()
    const [simulateMs, { result, gaps }] = await timed(() => runOnce(requests, 'fast'))
    const pricePerHour = result.backends.map(() => 1)
    const [metricsMs] = await timed(() => summarize(result, gaps, { pricePerHour }))
    const rssMb = peakRssMb()
    const phases = { parseMs, columnsMs, simulateMs, metricsMs }
    return { requests: requests.size, ...phases, totalMs: cpuMs(), rssMb }
  },
  /** The simulation alone, when the machine code is warm: the median of many. */
  async warm() {
    const { table: requests } = await ingest()
    const times = []
    for (let i = 0; i < 25; i++) times.push((await timed(() => runOnce(requests, 'fast')))[0])
    const median = times.sort((a, b) => a - b)[12]
    return { requests: requests.size, simulateMs: median }
  },
  /** Least outstanding, once over columns and once over view objects: medians of runs in turn. */
  async views() {
    const { table: requests } = await ingest()
    const size = definition.backends
    const overColumns = {
      name: 'columns',
      route(_request, { backends, columns: { outstanding } }) {
        let best = 0
        for (let i = 1; i < size; i++) if (outstanding[i] < outstanding[best]) best = i
        return backends[best]
      },
    }
    const overViews = {
      name: 'views',
      route(_request, { backends }) {
        let best = backends[0]
        for (let i = 1; i < size; i++) {
          if (backends[i].outstanding < best.outstanding) best = backends[i]
        }
        return best
      },
    }
    const times = { columnsMs: [], viewsMs: [] }
    for (let i = 0; i < 11; i++) {
      times.columnsMs.push((await timed(() => runOnce(requests, 'fast', overColumns)))[0])
      times.viewsMs.push((await timed(() => runOnce(requests, 'fast', overViews)))[0])
    }
    const median = (all) => all.sort((a, b) => a - b)[5]
    return { columnsMs: median(times.columnsMs), viewsMs: median(times.viewsMs) }
  },
  async reference() {
    const { table: requests } = await ingest()
    const [simulateMs] = await timed(() => runOnce(requests, 'reference'))
    return { requests: requests.size, simulateMs }
  },
  /** Without per-request results: everything once, in memory for the requests under way. */
  async streamed() {
    const { generate } = await workload(definition.workload)
    const requests = new GeneratedSource(generate)
    requests.prepare()
    const cluster = { backends: fleet(), kvCache: radixKvCache() }
    const recorder = new RequestStatistics(cluster.backends.map(({ role }) => role))
    const router = makeRouter()
    const heard = recorder.hearing(requests)
    const simulation = new Simulation({ cluster, requests: heard, router, seed: 42, recorder })
    while (!simulation.run());
    const pricePerHour = cluster.backends.map(() => 1)
    summarizeTotals(simulation.totals(), recorder, { pricePerHour })
    return { requests: requests.size, totalMs: cpuMs(), rssMb: peakRssMb() }
  },
  /** Runs that differ in the seed, so many at once: on worker threads from two on. */
  async parallel() {
    // Only here: what the other kinds do not use should not count as their start.
    const { compare, parseConfig } = await import('@routesim/experiments')
    const { table } = await ingest()
    const config = parseConfig(
      `[cluster]\nnum_backends = ${definition.backends}\nmax_queue_depth = 1000000`,
    )
    const { router, runs: seeds, jobs } = definition
    const from = process.cpuUsage()
    const startMs = performance.now()
    await compare({ config, trace: table, algorithms: [router], seeds, jobs })
    return { requests: table.size, wallMs: performance.now() - startMs, cpuMs: cpuMs(from) }
  },
  /** What no reader of JSON lines can do without: read, split, JSON.parse. */
  async json() {
    const { file } = await workload(definition.workload)
    const [totalMs] = await timed(() => {
      const bytes = readFileSync(file)
      const text = file.endsWith('.gz') ? gunzipSync(bytes) : bytes
      let count = 0
      for (let at = 0; at < text.length; ) {
        const end = text.indexOf(10, at)
        const stop = end < 0 ? text.length : end
        if (stop > at) count += JSON.parse(text.latin1Slice(at, stop)) === null ? 0 : 1
        at = stop + 1
      }
      return count
    })
    return { totalMs }
  },
}

process.stdout.write(JSON.stringify(await KINDS[kind]()))
