import type { Recorder } from '../engine/results/recorder.js'
import type { TokenGaps } from '../engine/results/token-gaps.js'
import type { BackendSpec } from '../engine/simulation-options.js'
import type { Clock } from '../kernel/clock.js'
import type { KvCache } from '../kv-cache/kv-cache.js'
import type { StepShape } from '../latency/latency-model.js'
import type { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import type { AdapterState } from '../routing/cluster-view.js'
import type { BackendLoads } from './backend-loads.js'
import type { BackendCounters } from './backend-meters.js'
import type { KvTierCounters } from './kv-loads.js'
import type { LocalPolicies } from './queues/local-policy.js'

/** What backends tell the simulation while they work. */
export interface FleetListener {
  firstTokenProduced(request: number, backend: number): void
  requestFinished(request: number, backend: number): void
  /** The prompt of a disaggregated request is computed; its KV blocks stay held here. */
  prefillFinished(request: number): void
  /** A handed-over request has its blocks here; `tokens` tokens of KV must be fetched. */
  transferStarted(request: number, tokens: number): void
  /** Blocks of a request are on their way from lower tiers; `loadCompleted` is due at a time. */
  loadStarted(request: number, dueMs: number): void
  /** A request that was called off has left the batch, and its KV blocks are given back. */
  requestCancelled(request: number): void
}

/** What a fleet works on and with. */
export interface FleetContext {
  readonly clock: Clock
  /** When `completeStep` of each backend is due, in ms; `Infinity` between steps. The fleet writes it. */
  readonly endMs: Float64Array
  readonly specs: readonly BackendSpec[]
  readonly requests: RequestTable
  readonly progress: RequestProgress
  readonly kv: KvCache
  readonly loads: BackendLoads
  readonly listener: FleetListener
  readonly recorder: Recorder
  readonly gaps: TokenGaps
  readonly policies: LocalPolicies
  /** First row of the request table that is measured. */
  readonly measuredFrom: number
  /** By backend: 1 when no prompt begins in the step that does. */
  readonly holdsPrompts: Uint8Array
  /** Whether changes of KV caches must be made in the step in which they happen. */
  readonly tellsKvEvents: boolean
}

/** What anybody may ask of the backends of a run, whoever steps them; the first argument names the backend. */
export interface FleetFront {
  /** What a backend has done up to now. */
  counters(backend: number): BackendCounters
  /** A request was sent here: from now on it counts as waiting. */
  accept(backend: number, request: number): void
  /** An accepted request is through the front end and joins the queue. */
  enqueue(backend: number, request: number): void
  /** Takes a request whose prompt was computed elsewhere. */
  enqueueHandedOver(backend: number, request: number): void
  /** The KV cache of a handed-over request has arrived. */
  transferCompleted(backend: number, request: number): void
  /** Lets go of the KV blocks of a request that another backend has taken over. */
  releaseHandedOver(backend: number, request: number): void
  /** What a backend has loaded from its lower tiers up to now, none if it has none. */
  tierCounters(backend: number): readonly KvTierCounters[]
  /** The LoRA adapters of a backend, and how many were loaded up to now; undefined without slots. */
  adapterState(backend: number): AdapterState | undefined
  adapterLoads(backend: number): number | undefined
  /** Names every request that decodes, in any order, with the output tokens it has by now. */
  emitted(backend: number, tell: (request: number, tokens: number) => void): void
  /**
   * Output tokens that a request has by now. Decodes get those of one step together: who hears of an end in
   * that step finds them there.
   * @param backend - where it decodes, or will; any when it is nowhere yet
   */
  emittedTokens(backend: number, request: number): number
  /** Brings what others can see of the KV cache of a backend up to now. */
  sync(backend: number): void
  /** The same once everything of this instant is done: a step that begins in it has begun. */
  syncSettled(backend: number): void
  /** Brings what a request can match on any backend up to now. */
  syncMatches(request: number): void
}

/**
 * All model replicas of a run, each with a queue, a batch, and engine steps. The reference implementation
 * simulates every step; anything faster must give the same results.
 */
export interface Fleet extends FleetFront {
  /** The blocks that a request lacked have come from lower tiers. */
  loadCompleted(backend: number, request: number): void
  /** Between two steps: whether a running request decodes. */
  hasDecodes(backend: number): boolean
  /**
   * The same for prompts, under way or next to begin: of those that wait the first counts, whether or not there are
   * blocks for it.
   */
  hasPrompts(backend: number): boolean
  /** Forms the next batch and starts a step, or several; does nothing when there is nothing to do. */
  startStep(backend: number): void
  completeStep(backend: number): void
  /** Writes what the step that has just started computes. */
  shapeOf(backend: number, out: StepShape): void
  /** The single step that has just started ends only then, because others of its kind do. */
  prolong(backend: number, endMs: number): void
  /** Something came up while several steps were under way: ends with the present one if that matters. */
  interrupt(backend: number): void
}

/** A fleet whose backends may fail, and whose requests may be called off. */
export interface FallibleFleet extends Fleet {
  /** Forgets the step under way and all requests of a backend; the KV cache is the caller's to clear. */
  fail(backend: number): void
  /**
   * Takes a request off a backend: from its queue, or while its KV cache is on its way, at once; from its
   * batch when the step under way is over, which the listener is told of, unless it ends with that step.
   * A step that ends in this instant is over, and its entry in `endMs` cleared.
   * @returns true when it is off
   */
  cancel(backend: number, request: number): boolean
  /**
   * The same for a request that another backend takes over. If it decodes, its KV blocks stay held until
   * `releaseHandedOver`, and it counts as handed over from the moment it is off.
   */
  detach(backend: number, request: number): boolean
  /** Ends with the step under way, as from the next on steps take another time. */
  cut(backend: number): void
}
