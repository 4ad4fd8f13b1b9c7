import {
  type BackendEvent,
  type BackendSpec,
  type ClusterView,
  type DecisionRecord,
  disaggregate,
  type ForcedDecision,
  type KvCacheFactory,
  type KvTransfer,
  type LatencyModel,
  type LoadSampler,
  NO_NODE,
  type Recorder,
  type RequestRecord,
  type RequestTable,
  RequestTableBuilder,
  type RetryPolicy,
  type RoutingAlgorithm,
  type RunResult,
  simulate,
  type Visibility,
} from '@routesim/core'
import {
  pagedKvCache,
  piecewiseLatency,
  type RadixKvCacheOptions,
  radixKvCache,
} from '@routesim/hardware'

/** A request of a tiny story: like a record, with a named stream of shared content. */
export interface TinyRequest extends Partial<Omit<RequestRecord, 'promptNode'>> {
  /** Name of the content the prompt begins with. */
  readonly shared?: string
  /** How many tokens of it. */
  readonly sharedTokens?: number
}

/** The curve of the original RouteSim for an H100: 50,000 prompt tokens/s, 12.5 ms per lone token. */
export const h100: LatencyModel = piecewiseLatency({
  prefillTokensPerSec: 50000,
  decodeTokensPerSecBatch1: 80,
  decodeThroughputSaturationBatch: 64,
  decodeTokensPerSecSaturated: 3200,
})

export function tinyTable(requests: readonly TinyRequest[]): RequestTable {
  const builder = new RequestTableBuilder()
  for (const { shared, sharedTokens, ...request } of requests) {
    const promptTokens = request.promptTokens ?? 100
    const end = sharedTokens ?? promptTokens
    const promptNode = shared === undefined ? NO_NODE : builder.prompts.stream(NO_NODE, shared, end)
    const prefixTokens = shared === undefined ? 0 : end
    builder.add({
      arrivalMs: 0,
      outputTokens: 1,
      prefixTokens,
      ...request,
      promptTokens,
      promptNode,
    })
  }
  return builder.build()
}

export function backend(overrides: Partial<BackendSpec> = {}): BackendSpec {
  return {
    role: 'both',
    latency: h100,
    kv: { blocks: 32768, blockTokens: 16 },
    maxBatchTokens: 16384,
    maxNumSeqs: 256,
    maxQueueDepth: 256,
    chunkedPrefill: true,
    ...overrides,
  }
}

export const kvTransfer: KvTransfer = {
  latencyMs: 0.5,
  bandwidthBytesPerSec: 50e9,
  bytesPerToken: 2 * 80 * 8 * 128 * 2,
}

/** Each request to the next backend. */
export function inTurn(): RoutingAlgorithm {
  let next = 0
  return {
    name: 'in_turn',
    route: (_, cluster) => cluster.backends[next++ % cluster.backends.length]!,
  }
}

/** Prefill on the prefill backends in turn, decode on the decode backends in turn. */
export function pairsInTurn(): RoutingAlgorithm {
  let next = 0
  const member = (cluster: ClusterView) => cluster.backends[next % cluster.backends.length]!
  return {
    name: 'pairs_in_turn',
    route: (_, cluster) => {
      next++
      return disaggregate(
        member(cluster.pool('prefill', 'both')),
        member(cluster.pool('decode', 'both')),
      )
    },
  }
}

/** A visibility that is exact but for what is given. */
export function seeing(visibility: Partial<Visibility>): Visibility {
  return {
    name: 'by hand',
    metrics: 'live',
    prefixes: 'live',
    routers: { replicas: 1, split: 'random', syncMs: 0 },
    decision: { fixedMs: 0, perTokenMs: 0 },
    tokenError: 0,
    ...visibility,
  }
}

/** `fast` is the native engine where it can simulate the run, `portable` the same in JavaScript. */
export const STEPPERS = ['fast', 'portable', 'reference'] as const
export type Stepper = (typeof STEPPERS)[number]

/** KV caches of a stepper. */
export function cachesOf(stepper: Stepper, options: RadixKvCacheOptions = {}): KvCacheFactory {
  if (stepper === 'reference') return pagedKvCache(options)
  const caches = radixKvCache(options)
  return stepper === 'fast' ? caches : (...of) => caches(...of)
}

export interface TinyRun {
  readonly requests: readonly TinyRequest[] | RequestTable
  readonly backends?: readonly BackendSpec[]
  readonly router?: RoutingAlgorithm | readonly RoutingAlgorithm[]
  readonly visibility?: Visibility
  readonly warmupRequests?: number
  readonly windowStarts?: readonly number[]
  readonly maxInFlight?: number
  readonly seed?: number
  readonly events?: readonly BackendEvent[]
  /** How late routers see events, whatever else they see. */
  readonly healthDelayMs?: number
  readonly retries?: RetryPolicy
  readonly timeoutMs?: number
  readonly recorder?: Recorder
  readonly sampler?: LoadSampler
  readonly onDecision?: (decision: DecisionRecord) => void
  readonly forcedDecision?: ForcedDecision
  /** How KV caches travel; 400 GbE and a 70B model by default. */
  readonly transfer?: KvTransfer
  /** On by default. */
  readonly prefixCaching?: boolean
  /** Holders from which on the fast KV cache has rows; 8 by default. */
  readonly wideFrom?: number
  /** The reference by default. */
  readonly stepper?: Stepper
}

/** Simulates a story; one default backend and requests in turn unless told otherwise. */
export function tinyRun({
  stepper = 'reference',
  transfer = kvTransfer,
  prefixCaching = true,
  wideFrom = 8,
  requests,
  backends = [backend()],
  router = inTurn(),
  seed = 1,
  healthDelayMs = 0,
  visibility = healthDelayMs > 0 ? seeing({}) : undefined,
  ...options
}: TinyRun): RunResult {
  return simulate({
    requests: 'size' in requests ? requests : tinyTable(requests),
    cluster: {
      backends,
      kvCache: cachesOf(stepper, { prefixCaching, wideFrom }),
      kvTransfer: transfer,
    },
    router,
    seed,
    ...(visibility && { visibility: { healthDelayMs, ...visibility } }),
    ...options,
  })
}

/** A per-request latency of the result. */
export function ttftMs({ outcomes, requests }: RunResult, request: number): number {
  return outcomes.firstTokenMs[request]! - requests.arrivalMs[request]!
}
