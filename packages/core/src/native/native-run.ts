import { hasEnginePolicies } from '../backend/fast/policy-fleet.js'
import { latencyInvalid } from '../backend/fast/stretch-length.js'
import type { FleetListener } from '../backend/fleet.js'
import { rankBy } from '../backend/queues/checked-policy.js'
import type { LocalPolicies, LocalPolicy, RankedPolicy } from '../backend/queues/local-policy.js'
import { WaitingCursor } from '../backend/queues/waiting-cursor.js'
import { SharedReads } from '../backend/shared-reads.js'
import type { Recorder } from '../engine/results/recorder.js'
import type { BackendSpec, SimulationOptions } from '../engine/simulation-options.js'
import { RouteSimError } from '../errors/routesim-error.js'
import type { StepSegment, StepShape } from '../latency/latency-model.js'
import { EMPTY_STEP } from '../latency/latency-model.js'
import type { RequestTable } from '../requests/request-table.js'
import { type NativeColumns, NativeMemory } from './native-columns.js'
import { NativeFleet } from './native-fleet.js'
import { NativeKvCache } from './native-kv-cache.js'
import { NativeLoop } from './native-loop.js'
import { type NativeExports, type NativeParts, nativeParts } from './native-module.js'
import { placesOf, startNative } from './native-start.js'

/** Numbers of the columns that are not one for each backend or request. */
const GAP_NUMBERS = 4096
const SEGMENT_NUMBERS = 9
const COUNTERS = 7
/** Where the durations stand in the segment, after the six numbers of the shape. */
const BASE_MS = 6
const SLOPE_MS = 7
const STEPS = 8
/** Bytes of the 4 GB that WebAssembly has which what is known beforehand may take: the rest is for the caches. */
const MOST_BYTES = 1.5 * 2 ** 30
const BYTES_PER_REQUEST = 120
const MOST_TOKENS = 2 ** 30
const BYTES_PER_PLACE = 20

/**
 * A native engine for a run of a table in which nothing fails, is called off or is moved, on backends of one rank, and
 * of whose KV caches nobody hears; undefined where it lacks something else that the run needs, or can not start here.
 */
export function nativeRunFor(
  options: SimulationOptions,
  requests: RequestTable,
  policies: LocalPolicies,
  listener: FleetListener,
): NativeRun | undefined {
  if (!isPlain(options, requests) || !policies.every(isKnown) || !fitsIntegers(requests))
    return undefined
  const parts = nativeParts()
  return parts && new NativeRun(parts, options, requests, policies, listener)
}

/** Whether the native engine can order a queue by a local policy: by ranks that nothing but the queue goes by. */
function isKnown(policy: LocalPolicy | undefined): boolean {
  return policy === undefined || ('rank' in policy && policy.preemptsByRank !== true)
}

/** Whether the native engine has all that a run needs. */
function isPlain({ cluster, recorder }: SimulationOptions, { size }: RequestTable): boolean {
  const { backends, kvCache } = cluster
  return (
    kvCache.radix !== undefined &&
    bytesOf(backends, size) < MOST_BYTES &&
    recorder?.stepCompleted === undefined &&
    !backends.some(hasEnginePolicies)
  )
}

/** Whether the tokens of every request fit into its integers, whatever is added to them. */
function fitsIntegers({ size, promptTokens, outputTokens }: RequestTable): boolean {
  for (let i = 0; i < size; i++) if (promptTokens[i]! + outputTokens[i]! > MOST_TOKENS) return false
  return true
}

function bytesOf(specs: readonly BackendSpec[], requests: number): number {
  const places = specs.reduce((sum, spec) => sum + placesOf(spec, requests), 0)
  return requests * BYTES_PER_REQUEST + places * BYTES_PER_PLACE
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
    policies: LocalPolicies,
    listener: FleetListener,
  ) {
    const specs = cluster.backends
    const plan = cluster.kvCache.radix!
    this.specs = specs
    this.recorder = recorder
    const waiting = new WaitingCursor(requests)
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
      refuseMemory,
      rankOf: (backend, request) => rankBy(policies[backend] as RankedPolicy, waiting, request),
      sharedReads: (backend, request, by) =>
        by > 0 ? this.reads.join(backend, request) : this.reads.leave(backend, request),
    })
    this.engine = engine
    const native = new NativeMemory(engine, memory)
    startNative(engine, native, { specs, requests, plan, policies, warmupRequests })
    const backends = specs.length
    this.columns = native.columns(backends, requests.size)
    this.loop = new NativeLoop(engine, native, backends)
    this.kv = new NativeKvCache(engine, native, specs, plan.prefixCaching)
    this.fleet = new NativeFleet(engine, native.floats('counters', COUNTERS))
    this.gaps = native.floats('gaps', GAP_NUMBERS)
    this.gapsUsed = native.ints('gapsUsed', 1)
    this.segment = native.floats('segment', SEGMENT_NUMBERS)
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
    // A string would become a number on its way.
    if (!(Number.isFinite(out.baseMs) && Number.isFinite(out.slopeMs))) this.refuseLatency(backend)
    segment[BASE_MS] = out.baseMs
    segment[SLOPE_MS] = out.slopeMs
    segment[STEPS] = out.steps
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
    const { baseMs, slopeMs, steps } = this.out
    const { name } = this.specs[backend]!.latency
    throw latencyInvalid(name, this.shapeNow(), baseMs, slopeMs, steps)
  }
}

function refuseMemory(): never {
  throw new RouteSimError(
    'the native engine: expected at most 4 GB of memory to do, it needs more',
    {
      code: 'memory_exhausted',
      hint: 'Simulate fewer requests, fewer backends, or without results per request (--no-per-request).',
    },
  )
}
