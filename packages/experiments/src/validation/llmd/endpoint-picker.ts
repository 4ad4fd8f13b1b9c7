import {
  type BackendView,
  type ClusterView,
  type RequestTable,
  type RequestView,
  type RoutingAlgorithm,
  reject,
} from '@routesim/core'
import { SentPrefixIndex } from './sent-prefix-index.js'

/** Weights of the scorers of an endpoint picker, and what its prefix scorer knows. */
export interface EndpointPickerOptions {
  readonly weights: {
    readonly queue?: number
    readonly kv?: number
    readonly prefix?: number
    readonly noHitLru?: number
    readonly tokenLoad?: number
  }
  /** `engine`: what the backends report to hold; otherwise limits of an index of what was sent. */
  readonly prefix?:
    | 'engine'
    | {
        readonly blockTokens: number
        readonly capacityBlocks: number
        readonly maxTokens: number
      }
  /** Keeps to backends that hold most of the prompt until they are too busy. */
  readonly affinity?: {
    /** Share of the prompt from which a backend counts as holding it. */
    readonly threshold: number
    readonly peakPrefillTokensPerSec: number
    /** Expected prefill time by which holders may exceed the others, in ms. */
    readonly maxPenaltyMs: number
  }
}

/** Uncached tokens in flight at which the token load score is 0. */
const TOKEN_LOAD_FULL = 4_194_304
/** Cold requests remembered by the no-hit scorer. */
const NO_HIT_MEMORY = 1024

/**
 * The endpoint picker of llm-d and of the Gateway API inference extension: filters, then the highest
 * weighted sum of scores, ties at random. Formulas: llm-d/llm-d-router, commit ebab687, pkg/epp.
 */
export function endpointPicker(
  name: string,
  options: EndpointPickerOptions,
  requests: RequestTable,
): RoutingAlgorithm {
  return new EndpointPicker(name, options, requests)
}

class EndpointPicker implements RoutingAlgorithm {
  readonly name: string
  private readonly options: EndpointPickerOptions
  private readonly requests: RequestTable
  private sent: SentPrefixIndex | undefined
  /** Share of the prompt at hand that each backend holds. */
  private held = new Float64Array(0)
  /** Own uncached prompt tokens without a first token yet, by backend and by request. */
  private tokensInFlight = new Float64Array(0)
  private readonly tokensOf = new Map<number, number>()
  /** Backends in the order in which they were last given a cold request. */
  private cold: number[] = []

  constructor(name: string, options: EndpointPickerOptions, requests: RequestTable) {
    this.name = name
    this.options = options
    this.requests = requests
  }

  route(request: RequestView, cluster: ClusterView) {
    this.prepare(request, cluster)
    const candidates = this.filtered(cluster.backends)
    const scores = this.scores(request, candidates)
    let best: BackendView | undefined
    let bestScore = Number.NEGATIVE_INFINITY
    let ties = 0
    for (const [i, backend] of candidates.entries()) {
      const score = scores[i]!
      if (score < bestScore) continue
      ties = score > bestScore ? 1 : ties + 1
      if (ties > 1 && cluster.random.integer(ties) > 0) continue
      best = backend
      bestScore = score
    }
    return best ?? reject('no_available_backend')
  }

  onDispatched(request: RequestView, { id }: BackendView): void {
    const tokens = request.promptTokens * (1 - (this.held[id] ?? 0))
    this.tokensInFlight[id]! += tokens
    this.tokensOf.set(request.id, tokens)
    if (!this.held.some((share) => share > 0)) {
      this.cold = [...this.cold.filter((each) => each !== id), id].slice(-NO_HIT_MEMORY)
    }
    this.sent?.add(request.id, id)
  }

  onFirstToken(request: RequestView, { id }: BackendView): void {
    this.tokensInFlight[id]! -= this.tokensOf.get(request.id) ?? 0
    this.tokensOf.delete(request.id)
  }

  private prepare(request: RequestView, cluster: ClusterView): void {
    const size = cluster.backends.length
    const { prefix } = this.options
    if (this.held.length !== size) {
      this.held = new Float64Array(size)
      this.tokensInFlight = new Float64Array(size)
      if (typeof prefix === 'object') this.sent = new SentPrefixIndex(this.requests, size, prefix)
    }
    if (prefix === undefined) return
    if (this.sent !== undefined) {
      for (let id = 0; id < size; id++) this.held[id] = this.sent.matched(request.id, id)
      return
    }
    const matched = cluster.prefixMatch(request)
    for (let id = 0; id < size; id++) this.held[id] = matched[id]! / request.promptTokens
  }

  /** Holders of the prompt, unless there are none or all of them are much busier than the rest. */
  private filtered(backends: readonly BackendView[]): readonly BackendView[] {
    const { affinity } = this.options
    if (affinity === undefined) return backends
    const sticky = backends.filter(({ id }) => this.held[id]! >= affinity.threshold)
    const rest = backends.filter(({ id }) => this.held[id]! < affinity.threshold)
    if (sticky.length === 0 || rest.length === 0) return backends
    const leastMs = (of: readonly BackendView[]): number =>
      (1000 * Math.min(...of.map(({ id }) => this.tokensInFlight[id]!))) /
      affinity.peakPrefillTokensPerSec
    return leastMs(sticky) - leastMs(rest) > affinity.maxPenaltyMs ? backends : sticky
  }

  private scores(request: RequestView, backends: readonly BackendView[]): number[] {
    const { queue = 0, kv = 0, prefix = 0, noHitLru = 0, tokenLoad = 0 } = this.options.weights
    const waiting = backends.map((backend) => backend.waiting)
    const most = Math.max(...waiting)
    const least = Math.min(...waiting)
    const isKnown = this.held.some((share) => share > 0)
    return backends.map((backend, i) => {
      const queueScore = most === least ? 1 : (most - waiting[i]!) / (most - least)
      const held = this.held[backend.id]!
      const tokens = this.tokensInFlight[backend.id]! + request.promptTokens * (1 - held)
      return (
        queue * queueScore +
        (kv === 0 ? 0 : kv * (1 - backend.kvUsage)) +
        prefix * held +
        noHitLru * (isKnown ? 0.5 : this.coldScore(backend.id, backends.length)) +
        tokenLoad * (1 - Math.min(tokens / TOKEN_LOAD_FULL, 1))
      )
    })
  }

  /** 1 for a backend that never had a cold request, then by how long ago it had one. */
  private coldScore(id: number, backends: number): number {
    if (backends === 1) return 1
    const place = this.cold.indexOf(id)
    const rank = place === -1 ? 0 : backends - this.cold.length + place
    return 1 - rank / (backends - 1)
  }
}
