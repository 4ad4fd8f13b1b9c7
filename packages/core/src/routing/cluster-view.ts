import type { RandomStream } from '../kernel/random-stream.js'
import type { DecisionNotes } from './decision-trace.js'
import type { RequestView } from './request-view.js'
import type { MigrationMode, RoutingDecision } from './routing-algorithm.js'

/** What a backend does: the whole request, prompts only, or answers only. */
export type BackendRole = 'both' | 'prefill' | 'decode'

/** The LoRA adapters of a backend, by name, as vLLM reports them (`vllm:lora_requests_info`). */
export interface AdapterState {
  /** Adapters that running requests may use at a time; of all ranks together. */
  readonly slots: number
  /** Those on the GPUs, used or not. */
  readonly loaded: readonly string[]
  /** Those of running and of waiting requests. */
  readonly running: readonly string[]
  readonly waiting: readonly string[]
}

/**
 * A backend as a router sees it, live and read-only. A router returns one to send a request there: the view itself,
 * no copy. Spreading it (`{ ...backend }`) loses what changes, such as `waiting`: copy the fields you want to keep, one
 * by one.
 */
export interface BackendView {
  readonly kind: 'backend'
  /** Position in the whole cluster, also the index into {@link ClusterView.prefixMatch}. */
  readonly id: number
  readonly role: BackendRole
  /** Name of the model it serves; undefined when it takes requests whatever model they name. */
  readonly model: string | undefined
  /** False when requests sent there would fail. Unhealthy backends stay listed. */
  readonly healthy: boolean
  /** Requests waiting to be admitted, by the latest metrics. */
  readonly waiting: number
  /** Requests admitted and not finished, by the latest metrics: prefilling, decoding or receiving their KV cache. */
  readonly running: number
  /** Requests sent here by this router that have not ended, always exact. */
  readonly outstanding: number
  /** Prompt tokens of those of them that have no first token yet. */
  readonly pendingPromptTokens: number
  /**
   * Share of KV blocks held by running requests, 0 to 1, by the latest metrics. Blocks kept only for reuse
   * do not count.
   */
  readonly kvUsage: number
  /**
   * Age of the latest metrics in ms: 0 where they are exact, or where the router's own counts stand in for them; Infinity
   * before the first.
   */
  readonly metricsAgeMs: number
  /** Requests that this router has sent here since the latest metrics were taken; 0 where no metrics are late. */
  readonly sentSinceSample: number
  /** Requests the queue takes before it refuses. */
  readonly maxQueueDepth: number
  /** Requests in one batch at most. */
  readonly maxNumSeqs: number
  /** Tokens computed in one step at most. */
  readonly maxBatchTokens: number
  /** Tokens per KV block. */
  readonly blockTokens: number
  /** Tokens that its KV cache has room for, those of all its ranks together; 0 where a live router is not told. */
  readonly kvTokens: number
  /** Its LoRA adapters by the latest metrics; absent when it has no slots for them. */
  readonly adapters?: AdapterState | undefined
  /** True when it is healthy and its queue has room: the usual condition for a candidate. */
  readonly available: boolean
}

/**
 * What a router sees of every backend's load, one column per figure, indexed by backend id: a scan over
 * a large fleet reads arrays instead of asking objects. Live and read-only, as {@link BackendView} is.
 */
export interface BackendColumns {
  /** {@link BackendView.waiting} */
  readonly waiting: ArrayLike<number>
  /** {@link BackendView.running} */
  readonly running: ArrayLike<number>
  /** {@link BackendView.outstanding} */
  readonly outstanding: ArrayLike<number>
  /** {@link BackendView.pendingPromptTokens} */
  readonly pendingPromptTokens: ArrayLike<number>
  /** {@link BackendView.sentSinceSample} */
  readonly sentSinceSample: ArrayLike<number>
  /** {@link BackendView.maxQueueDepth} while the backend is healthy, else 0. */
  readonly maxQueueDepth: ArrayLike<number>
}

/** What a router sees of the cluster, as the scenario's visibility delivers it. */
export interface ClusterView {
  /** Virtual time in ms. */
  readonly nowMs: number
  /** This router's own random stream. */
  readonly random: RandomStream
  /** All backends the router may choose from, in order of id. */
  readonly backends: readonly BackendView[]
  /** The ids of {@link backends}. */
  readonly ids: ArrayLike<number>
  /** The load of all backends of the cluster as columns, indexed by id. */
  readonly columns: BackendColumns
  /** Where to write down what a decision is made of; undefined unless somebody asks for it. */
  readonly notes?: DecisionNotes | undefined
  /**
   * Leading prompt tokens of a request that each backend holds, as far as KV events tell, indexed by
   * backend id: of content that prompts share, not what is the request's own. The array is reused: it is
   * valid until the next call.
   */
  prefixMatch(request: RequestView): ArrayLike<number>
  /**
   * {@link BackendView.kvUsage} of every backend, indexed by backend id. The array is reused: it is valid
   * until the next call.
   */
  kvUsages(): ArrayLike<number>
  /**
   * Output tokens that a request of this router has got up to now, its answer having passed through here:
   * 0 before the first, and again when it is retried. Of one that has ended all that it got, until another
   * request has its id; 0 for one that is not this router's.
   * @param request - its id
   */
  emittedTokens(request: number): number
  /**
   * Lets a request go that this router holds; it is carried out within this instant, after the hook. Nothing happens
   * when it has ended meanwhile, unless another has its id: see {@link RequestView.id}.
   * @param request - its id
   * @throws RouteSimError `router_invalid_release` when this router does not hold it
   */
  release(request: number, decision: RoutingDecision): void
  /**
   * Calls `onTimer` with the id after a time; a timer of the same id that is still running is set anew.
   * @param delayMs - greater than 0
   * @throws RouteSimError `router_invalid_timer`
   */
  timer(id: string, delayMs: number): void
  /**
   * Moves a request of this router, which waits or runs, to another backend; it begins within this
   * instant, after the hook, and `onMigrated` tells how it ended, unless the request ended first. A
   * running request leaves when the step under way is over. With `transfer`, the KV cache of one that has
   * answered is sent over the cluster's link, and held at both ends meanwhile; any other is computed anew.
   * It is refused when the request is on its way already, or computes its prompt for another backend; or
   * when the backend is down, its queue is full, or its KV cache too small.
   * @param request - its id
   * @throws RouteSimError `router_invalid_migration` unless the router has `migrates: true`
   */
  migrate(request: number, to: BackendView, mode?: MigrationMode): void
  /**
   * Asks a backend how it is; `onReply` hears the answer after the visibility's `queryMs`.
   * @param id - given back with the answer
   * @param about - the request whose prompt is to be looked for in its KV cache
   */
  query(backend: BackendView, id: string, about?: RequestView): void
  /** The same cluster with only the backends of some roles. */
  pool(...roles: readonly BackendRole[]): ClusterView
}
