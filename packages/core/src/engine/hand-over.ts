import { RouteSimError } from '../errors/routesim-error.js'
import type { RequestProgress } from '../requests/request-progress.js'
import type { RequestTable } from '../requests/request-table.js'
import type { BackendView } from '../routing/cluster-view.js'
import type { KvTransfer } from './simulation-options.js'

/**
 * What happens between prefill and decode. A computed prompt keeps its blocks on the prefill backend
 * until the decode backend has room, allocates blocks of its own, and has fetched what it lacks.
 */
export class HandOver {
  private readonly transfer: KvTransfer | undefined
  private readonly requests: RequestTable
  private readonly progress: RequestProgress

  constructor(transfer: KvTransfer | undefined, requests: RequestTable, progress: RequestProgress) {
    this.transfer = transfer
    this.requests = requests
    this.progress = progress
  }

  /** @throws RouteSimError when the pair can not work together */
  checkPair(router: string, prefill: BackendView, decode: BackendView): void {
    if (this.transfer === undefined) {
      throw new RouteSimError(
        `router "${router}" disaggregates, but the cluster has no way to transfer a KV cache`,
        { code: 'transfer_missing', hint: 'Give the cluster a kvTransfer.' },
      )
    }
    if (prefill.role === 'decode' || decode.role === 'prefill') {
      throw new RouteSimError(
        `router "${router}": expected a prefill and a decode backend, got ${prefill.id} (${prefill.role}) and ${decode.id} (${decode.role})`,
        { code: 'router_invalid_decision' },
      )
    }
  }

  /** Time to send the KV of some tokens, in ms; 0 when the decode backend holds them all. */
  transferMs(tokens: number): number {
    if (tokens === 0 || this.transfer === undefined) return 0
    const { latencyMs, bandwidthBytesPerSec, bytesPerToken } = this.transfer
    return latencyMs + ((tokens * bytesPerToken) / bandwidthBytesPerSec) * 1000
  }

  private newest(): number {
    const { isHandedOver } = this.progress
    const { arrivalMs, isWindow } = this.requests
    let newest = isHandedOver.lastIndexOf(1)
    if (isWindow !== true || newest < 0) return newest
    for (let row = newest - 1; row >= 0; row--) {
      if (isHandedOver[row] === 1 && arrivalMs[row]! > arrivalMs[newest]!) newest = row
    }
    return newest
  }

  /**
   * Turns the newest request that still waits for its decode backend into one to be recomputed there.
   * @returns the request, -1 when none waits
   */
  giveUpNewest(): number {
    const request = this.newest()
    if (request >= 0) {
      this.progress.isHandedOver[request] = 0
      this.progress.computedTokens[request] = 0
    }
    return request
  }
}
