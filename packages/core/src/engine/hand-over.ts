import { RouteSimError } from '../errors/routesim-error.js'
import type { RequestProgress } from '../requests/request-progress.js'
import type { BackendView } from '../routing/cluster-view.js'
import { areOfOneModel } from '../routing/one-model.js'
import { unlikePair } from './routers/decision-errors.js'
import type { BackendSpec, KvContention, KvTransfer } from './simulation-options.js'

/**
 * What happens between prefill and decode. A computed prompt keeps its blocks on the prefill backend
 * until the decode backend has room, allocates blocks of its own, and has fetched what it lacks.
 */
export class HandOver {
  private readonly transfer: KvTransfer | undefined
  private readonly backends: readonly BackendSpec[]
  private readonly progress: RequestProgress

  constructor(
    backends: readonly BackendSpec[],
    transfer: KvTransfer | undefined,
    progress: RequestProgress,
  ) {
    this.transfer = transfer
    this.backends = backends
    this.progress = progress
  }

  /** Whether there is a link. */
  get canTransfer(): boolean {
    return this.transfer !== undefined
  }

  /** @throws RouteSimError when there is no link */
  checkLink(router: string): void {
    if (this.transfer === undefined) {
      throw new RouteSimError(
        `router "${router}" disaggregates, but the cluster has no way to transfer a KV cache`,
        { code: 'transfer_missing', hint: 'Give the cluster a kvTransfer.' },
      )
    }
  }

  /** @throws RouteSimError when the pair can not work together */
  checkPair(router: string, prefill: BackendView, decode: BackendView): void {
    this.checkLink(router)
    if (prefill.role === 'decode' || decode.role === 'prefill') {
      throw new RouteSimError(
        `router "${router}": expected a prefill and a decode backend, got ${prefill.id} (${prefill.role}) and ${decode.id} (${decode.role})`,
        { code: 'router_invalid_decision' },
      )
    }
    if (!areOfOneModel(prefill.model, decode.model)) throw unlikePair(router, prefill, decode)
  }

  get contention(): KvContention {
    return this.transfer?.contention ?? 'none'
  }

  /** Whether layers are sent while later ones are computed. */
  get overlaps(): boolean {
    return this.transfer?.overlappedLayers !== undefined
  }

  /** Layers that are sent one by one to a backend; 1 when all are sent at once. */
  layersOf(decode: number): number {
    const { overlappedLayers } = this.transfer ?? {}
    return overlappedLayers === undefined
      ? 1
      : (this.backends[decode]!.kvLayers ?? overlappedLayers)
  }

  /** Time to send the KV of some tokens from one backend to another, in ms; 0 when it holds them all. */
  transferMs(tokens: number, prefill: number, decode: number): number {
    if (tokens === 0 || this.transfer === undefined) return 0
    return this.transfer.latencyMs + this.bytesMs(tokens, prefill, decode)
  }

  /** The part of it that the bytes take. */
  bytesMs(tokens: number, prefill: number, decode: number): number {
    const { bytesPerToken: byDefault, bandwidthBytesPerSec } = this.transfer!
    const {
      kvBytesPerToken = byDefault,
      kvBytesPerRequest = 0,
      kvLinkShare = 1,
    } = this.backends[decode]!
    const share = Math.max(kvLinkShare, this.backends[prefill]!.kvLinkShare ?? 1)
    const bytes = (tokens * kvBytesPerToken + kvBytesPerRequest) * share
    return (bytes / bandwidthBytesPerSec) * 1000
  }

  /** Turns a request that still waits for its decode backend into one to be recomputed there. */
  giveUp(request: number): void {
    this.progress.isHandedOver[request] = 0
    this.progress.computedTokens[request] = 0
  }
}
