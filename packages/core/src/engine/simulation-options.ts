import type { BatchingPolicy, PreemptionMode } from '../backend/engine-policies.js'
import type { LocalPolicyFactory } from '../backend/queues/local-policy.js'
import type { KvCacheFactory, KvCapacity } from '../kv-cache/kv-cache.js'
import type { LatencyModel } from '../latency/latency-model.js'
import type { RequestSource } from '../requests/request-source.js'
import type { RequestTable } from '../requests/request-table.js'
import type { BackendRole } from '../routing/cluster-view.js'
import type { DecisionRecord, ForcedDecision } from '../routing/decision-trace.js'
import type { RoutingAlgorithm } from '../routing/routing-algorithm.js'
import type { Visibility } from '../routing/visibility.js'
import type { BackendEvent, RetryPolicy } from './failures/backend-event.js'
import type { LoadSampler } from './results/load-sampler.js'
import type { Recorder } from './results/recorder.js'

/** Room for LoRA adapters beside the model of a backend. */
export interface AdapterCapacity {
  /** Adapters that running requests may use at a time (`max_loras`), at least 1. */
  readonly slots: number
  /** How long one takes to its slot, in ms; the step before which it is needed waits for it. */
  readonly loadMs: number
}

/** When prompts of ranks in lockstep begin. */
export interface TogetherOptions {
  /**
   * Steps, since the last in which every rank had one or prompts began, after which they begin although not every
   * rank has one (`timeout_iters`), at least 1.
   */
  readonly timeoutSteps: number
  /** Steps in which more prompts are awaited once every rank has one (`batching_wait_iters`). */
  readonly batchingSteps: number
}

/** One model replica. */
export interface BackendSpec {
  readonly role: BackendRole
  /** Name under which requests ask for its model; if absent it takes them whatever they ask for. */
  readonly model?: string
  /** Bytes of KV cache of one token when it is sent to here; as the transfer says if absent. */
  readonly kvBytesPerToken?: number
  /** Bytes sent with any tokens, however many: the states of linear layers. 0 if absent. */
  readonly kvBytesPerRequest?: number
  /**
   * Part of a KV cache that is sent over each link, where its GPUs have one each; 1 if absent. Of two ends the one
   * with the larger part sets the pace.
   */
  readonly kvLinkShare?: number
  /** Layers of its model, where they are sent one by one; as the transfer says if absent. */
  readonly kvLayers?: number
  readonly latency: LatencyModel
  readonly kv: KvCapacity
  /**
   * Data-parallel ranks, 1 if absent: schedulers with a queue, a batch and a KV cache each, to which the
   * sizes and limits here apply, but for the queue. A request goes to the rank with the fewest.
   */
  readonly dp?: number
  /**
   * Whether ranks start their steps together, and wait for the slowest, as with experts dealt out among
   * them; a rank without work takes part with a dummy step. False if absent.
   */
  readonly lockstep?: boolean
  /**
   * Of ranks in lockstep: while all of them decode, prompts begin in steps in which every rank has one, or after
   * some steps of waiting, as with `attention_dp_config.enable_balance` of TensorRT-LLM. As they come if absent.
   */
  readonly promptsTogether?: TogetherOptions
  /**
   * Steps of decodes alone after which the scheduler looks for new requests (`--scheduler-recv-interval` of SGLang);
   * 1 if absent, and for ranks in lockstep. It looks after any step with a prompt, and when there is nothing to compute.
   */
  readonly pollSteps?: number
  /** Tokens computed in one step at most (`max_num_batched_tokens`), at least 1. */
  readonly maxBatchTokens: number
  /** Requests in one batch at most (`max_num_seqs`), at least 1. */
  readonly maxNumSeqs: number
  /** Requests that wait at most; one more is refused. At least 1. */
  readonly maxQueueDepth: number
  /**
   * Tokens of a prompt and its declared output at most (`max_model_len`), at least 1: a longer request is refused. A
   * client that declares nothing, or less than it gets, is taken to have declared what it gets. No limit if absent.
   */
  readonly maxModelLen?: number
  /** Whether a prompt may be computed in several steps. */
  readonly chunkedPrefill: boolean
  /**
   * From the moment a request is sent here to its place in the queue (HTTP, template, tokenizer), in ms;
   * none if absent. It counts as waiting meanwhile. A prompt computed elsewhere has been through one.
   */
  readonly frontEndMs?: number
  /** In which order waiting requests are admitted; first come, first served if absent. */
  readonly scheduling?: LocalPolicyFactory
  /** `mixed` if absent. */
  readonly batching?: BatchingPolicy
  /** `recompute_newest` if absent. */
  readonly preemption?: PreemptionMode
  /** With `swap`: how long one token of KV takes to host memory or back, in ms. */
  readonly swapMsPerToken?: number
  /**
   * Share, 0 to 1, of the declared output for which KV blocks must be to spare before a request is
   * admitted, those of running requests set aside; 0 if absent, 1 with `reserve_all`.
   */
  readonly reservedOutputShare?: number
  /** Slots for adapters of each rank; if absent, requests run whatever adapter they name. */
  readonly adapters?: AdapterCapacity
}

/** Whether what KV caches are sent over is shared. */
export type KvContention = 'none' | 'exclusive'

/** How the KV cache of a request gets from a prefill backend to a decode backend. */
export interface KvTransfer {
  /** Fixed cost of one transfer in ms. */
  readonly latencyMs: number
  /** Of one link; must be greater than 0. */
  readonly bandwidthBytesPerSec: number
  readonly bytesPerToken: number
  /**
   * With `none`, the default, every transfer has the whole bandwidth. With `exclusive` a backend sends one KV
   * cache at a time, and receives one at a time, for latency and bytes; of those that wait the one that was
   * there first goes whose two ends are free.
   */
  readonly contention?: KvContention
  /**
   * Layers of the model, when each is sent as soon as it is computed, while the next is: of a pair that was
   * chosen on arrival. Absent when everything is sent after the prompt is computed.
   */
  readonly overlappedLayers?: number
}

/** The backends of a simulation and what connects them. */
export interface ClusterSpec {
  /** At least one. */
  readonly backends: readonly BackendSpec[]
  readonly kvCache: KvCacheFactory
  /** Needed when a router disaggregates. */
  readonly kvTransfer?: KvTransfer
}

/** What a simulation is made of. */
export interface SimulationOptions {
  readonly cluster: ClusterSpec
  /**
   * A table, whose every row has an outcome in the result; or a source, of which nothing is kept but
   * what the recorder makes of `requestEnded`, in memory for those under way.
   */
  readonly requests: RequestTable | RequestSource
  /** A fresh instance, as algorithms keep state; one for each replica that `visibility` asks for. */
  readonly router: RoutingAlgorithm | readonly RoutingAlgorithm[]
  /** What routers get to see, and when; everything at once if absent. */
  readonly visibility?: Visibility
  /** Seeds every random stream of the run. */
  readonly seed: number
  /** Leading requests, in order of arrival, that are simulated but not measured. */
  readonly warmupRequests?: number
  /**
   * Rows of a table at which windows of the measured part begin, ascending; the first begins with it and is not
   * among them. The recorder hears when a request of the next window is first sent; the run is the same without.
   */
  readonly windowStarts?: readonly number[]
  /**
   * Requests that the client keeps in flight at most, as load generators do; one that arrives beyond
   * waits at the client until another ends, first come first served. No limit when absent.
   */
  readonly maxInFlight?: number
  readonly recorder?: Recorder
  /** Looks at the fleet now and then; the run is the same with and without. */
  readonly sampler?: LoadSampler
  /** What happens to backends while the run goes on, in any order; routers see it as late as `visibility` says. */
  readonly events?: readonly BackendEvent[]
  /** What becomes of requests whose backend fails; they are lost if absent. */
  readonly retries?: RetryPolicy
  /** How long a client waits for the end of an answer from sending it on, in ms; for ever if absent. */
  readonly timeoutMs?: number
  /** Told of every decision, with what was known and what was true; routers then fill their notes. */
  readonly onDecision?: (decision: DecisionRecord) => void
  /** One decision that is not left to the router, to see what would have come of it. */
  readonly forcedDecision?: ForcedDecision
}
