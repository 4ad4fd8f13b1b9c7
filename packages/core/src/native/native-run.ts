import { hasPolicies } from '../backend/fast/policy-fleet.js'
import type { FleetListener } from '../backend/fleet.js'
import { countsSharedReads, SharedReads } from '../backend/shared-reads.js'
import type { Recorder } from '../engine/results/recorder.js'
import type { BackendSpec, SimulationOptions } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { RadixPlan } from '../kv-cache/kv-cache.js'
import type { StepSegment, StepShape } from '../latency/latency-model.js'
import { EMPTY_STEP } from '../latency/latency-model.js'
import type { RequestTable } from '../requests/request-table.js'
import type { NativeColumns } from './native-columns.js'
import { NativeFleet } from './native-fleet.js'
import { NativeKvCache } from './native-kv-cache.js'
import { NativeLoop } from './native-loop.js'
import { type NativeExports, type NativeParts, nativeParts } from './native-module.js'

const MOST_INT = 2 ** 31 - 1

/** Numbers of columns in `assembly/index.ts`. */
const COLUMN = {
  time: 0,
  endMs: 1,
  waiting: 2,
  running: 3,
  outstanding: 4,
  pendingPromptTokens: 5,
  promptTokens: 6,
  outputTokens: 7,
  emittedTokens: 8,
  computedTokens: 9,
  cachedTokens: 10,
  preemptions: 11,
  admission: 12,
  finishStep: 13,
  admittedMs: 14,
  firstTokenMs: 15,
  lastTokenMs: 16,
  sharesAnswer: 17,
  entryMs: 18,
  nextMs: 19,
  dueEvents: 20,
  gaps: 21,
  gapsUsed: 22,
  segment: 23,
  freeBlocks: 24,
  evictable: 25,
  evictions: 26,
  counters: 27,
  backend: 28,
  isHandedOver: 29,
  isTransferring: 30,
} as const

/** A native engine for a run, undefined where it lacks something that the run needs, or can not start here. */
export function nativeRunFor(
  options: SimulationOptions,
  requests: RequestTable,
  listener: FleetListener,
): NativeRun | undefined {
  if (!isPlain(options)) return undefined
  const parts = nativeParts()
  return parts && new NativeRun(parts, options, requests, listener)
}

/** Whether the native engine has all that a run needs. */
function isPlain(options: SimulationOptions): boolean {
  const { cluster, requests, events = [], timeoutMs, visibility, recorder, router } = options
  return (
    cluster.kvCache.radix !== undefined &&
    !('next' in requests) &&
    requests.size < 2 ** 24 &&
    events.length === 0 &&
    timeoutMs === undefined &&
    (visibility?.prefixes === undefined || typeof visibility.prefixes === 'string') &&
    recorder?.stepCompleted === undefined &&
    ![router].flat().some(({ migrates }) => migrates === true) &&
    cluster.backends.every((spec) => (spec.dp ?? 1) === 1 && !hasPolicies(spec))
  )
}

/** What the native engine is to a run: its time, its backends and their KV caches. */
export class NativeRun {
  readonly columns: NativeColumns
  readonly loop: NativeLoop
  readonly kv: NativeKvCache
  readonly fleet: NativeFleet
  readonly engine: NativeExports
  /** Told of a backend that has no step to start, once requests were handed over. */
  onIdle: ((backend: number) => void) | undefined
  private readonly specs: readonly BackendSpec[]
  private readonly reads: SharedReads
  private readonly gaps: Float64Array
  private readonly gapsUsed: Int32Array
  private readonly segment: Float64Array
  private readonly recorder: Recorder
  private readonly shape: StepShape = { ...EMPTY_STEP }
  private readonly out: StepSegment = { baseMs: 0, slopeMs: 0, steps: 0 }

  constructor(
    { memory, start }: NativeParts,
    { cluster, warmupRequests = 0, recorder = {} }: SimulationOptions,
    requests: RequestTable,
    listener: FleetListener,
  ) {
    const specs = cluster.backends
    const plan = cluster.kvCache.radix!
    this.specs = specs
    this.recorder = recorder
    const engine = start({
      enter: (entry) => this.loop.enter(entry),
      eventDue: (endMs) => this.loop.eventDue(endMs),
      latency: (backend) => this.askLatency(backend),
      firstTokenProduced: (request, backend) => listener.firstTokenProduced(request, backend),
      requestFinished: (request, backend) => listener.requestFinished(request, backend),
      prefillFinished: (request) => listener.prefillFinished(request),
      transferStarted: (request, tokens) => listener.transferStarted(request, tokens),
      idles: (backend) => this.onIdle?.(backend),
      flushGaps: () => this.flushGaps(),
      refuseAlarm: (backend) => this.loop.refuse(backend),
      refuseLatency: (backend) => this.refuseLatency(backend),
      sharedReads: (backend, request, by) =>
        by > 0 ? this.reads.join(backend, request) : this.reads.leave(backend, request),
    })
    this.engine = engine
    begin(engine, () => memory.buffer, specs, requests, plan, warmupRequests)
    const { size } = requests
    const ints = (number: number, length: number): Int32Array =>
      new Int32Array(memory.buffer, engine.column(number), length)
    const floats = (number: number, length: number): Float64Array =>
      new Float64Array(memory.buffer, engine.column(number), length)
    const bytes = (number: number): Uint8Array =>
      new Uint8Array(memory.buffer, engine.column(number), size)
    const backends = specs.length
    const matchedAt = engine.memoryFor(4 * backends)
    const matched = new Int32Array(memory.buffer, matchedAt, backends)
    this.columns = {
      time: floats(COLUMN.time, 2),
      endMs: floats(COLUMN.endMs, backends),
      waiting: ints(COLUMN.waiting, backends),
      running: ints(COLUMN.running, backends),
      outstanding: ints(COLUMN.outstanding, backends),
      pendingPromptTokens: floats(COLUMN.pendingPromptTokens, backends),
      backend: ints(COLUMN.backend, size),
      isHandedOver: bytes(COLUMN.isHandedOver),
      isTransferring: bytes(COLUMN.isTransferring),
      emittedTokens: ints(COLUMN.emittedTokens, size),
      computedTokens: ints(COLUMN.computedTokens, size),
      cachedTokens: ints(COLUMN.cachedTokens, size),
      preemptions: ints(COLUMN.preemptions, size),
      admission: ints(COLUMN.admission, size),
      finishStep: ints(COLUMN.finishStep, size),
      admittedMs: floats(COLUMN.admittedMs, size),
      firstTokenMs: floats(COLUMN.firstTokenMs, size),
      lastTokenMs: floats(COLUMN.lastTokenMs, size),
    }
    const { time, endMs } = this.columns
    this.loop = new NativeLoop(
      engine,
      time,
      endMs,
      floats(COLUMN.nextMs, 2),
      ints(COLUMN.dueEvents, 1),
    )
    const capacity = specs.map(({ kv }) => kv)
    this.kv = new NativeKvCache(engine, capacity, plan.prefixCaching, {
      freeBlocks: ints(COLUMN.freeBlocks, backends),
      evictable: ints(COLUMN.evictable, backends),
      evictions: floats(COLUMN.evictions, backends),
      matched,
      matchedAt,
    })
    this.fleet = new NativeFleet(engine, floats(COLUMN.counters, 8))
    this.gaps = floats(COLUMN.gaps, 4096)
    this.gapsUsed = ints(COLUMN.gapsUsed, 1)
    this.segment = floats(COLUMN.segment, 9)
    this.reads = new SharedReads(requests, specs, this.kv)
  }

  /** Hands on the gaps between tokens that are kept. */
  flushGaps(): void {
    const used = this.gapsUsed[0]!
    if (used > 0) this.recorder.tokenGaps?.(this.gaps.subarray(0, used))
    this.gapsUsed[0] = 0
  }

  private askLatency(backend: number): void {
    const { out, segment } = this
    this.specs[backend]!.latency.segment(this.shapeNow(), out)
    segment[6] = out.baseMs
    segment[7] = out.slopeMs
    segment[8] = out.steps
  }

  private shapeNow(): StepShape {
    const { segment, shape } = this
    shape.prefillTokens = segment[0]!
    shape.prefillRequests = segment[1]!
    shape.prefillAttentionPairs = segment[2]!
    shape.decodeRequests = segment[3]!
    shape.decodeContextTokens = segment[4]!
    shape.decodeSharedTokens = segment[5]!
    return shape
  }

  private refuseLatency(backend: number): never {
    const { name } = this.specs[backend]!.latency
    const { baseMs, slopeMs, steps } = this.out
    throw new RouteSimError(
      `latency model "${name}": expected a finite step time > 0 ms, got ${baseMs} for ${JSON.stringify(this.shapeNow())} (slope ${slopeMs} over ${steps} steps)`,
      { code: 'latency_invalid' },
    )
  }
}

/** Tells a native engine what it simulates. */
function begin(
  engine: NativeExports,
  buffer: () => ArrayBufferLike,
  specs: readonly BackendSpec[],
  requests: RequestTable,
  plan: RadixPlan,
  warmupRequests: number,
): void {
  const { size, prompts, promptNode } = requests
  const sizes = [...new Set(specs.map(({ kv }) => kv.blockTokens))]
  const trees = sizes.map((blockTokens) => plan.treeOf(requests, blockTokens))
  const places = (spec: BackendSpec): number =>
    Math.min(spec.maxNumSeqs, spec.maxBatchTokens, MOST_INT, size)
  const depth = Math.max(...trees.map((tree) => tree.depth))
  const largest = Math.max(...specs.map(places))
  engine.begin(
    specs.length,
    size,
    warmupRequests,
    plan.prefixCaching ? 1 : 0,
    sizes.length,
    depth,
    plan.wideFrom,
    largest,
  )
  const holders = trees.map((tree) => {
    const at = engine.blockSize(tree.blockTokens, tree.size)
    const fields = new Int32Array(buffer(), at, 6)
    const put = (field: number, column: Int32Array): void =>
      new Int32Array(buffer(), fields[field], column.length).set(column)
    put(2, tree.parent)
    put(3, tree.start)
    put(4, tree.end)
    put(5, tree.leaf)
    return at
  })
  specs.forEach((spec, id) => {
    engine.backend(
      id,
      Math.min(spec.maxBatchTokens, MOST_INT),
      Math.min(spec.maxNumSeqs, spec.maxBatchTokens, MOST_INT),
      places(spec),
      spec.chunkedPrefill ? 1 : 0,
      countsSharedReads(spec, { sharesPrefixes: plan.prefixCaching }) ? 1 : 0,
      spec.kv.blocks,
      spec.kv.blockTokens,
      holders[sizes.indexOf(spec.kv.blockTokens)]!,
    )
  })
  const at = (number: number): number => engine.column(number)
  new Int32Array(buffer(), at(COLUMN.promptTokens), size).set(requests.promptTokens)
  new Int32Array(buffer(), at(COLUMN.outputTokens), size).set(requests.outputTokens)
  new Float64Array(buffer(), at(COLUMN.entryMs), size).set(requests.arrivalMs)
  if (prompts.size > 0) {
    const shares = new Uint8Array(buffer(), at(COLUMN.sharesAnswer), size)
    for (let i = 0; i < size; i++) {
      const node = promptNode[i]!
      if (node >= 0 && prompts.endTokens[node]! > requests.promptTokens[i]!) shares[i] = 1
    }
  }
  engine.start()
}
