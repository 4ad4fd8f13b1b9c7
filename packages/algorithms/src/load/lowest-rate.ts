import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { grown } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { WindowCounts } from './window-counts.js'

/**
 * Sends to the backend with the fewest requests of this router within a window; one that never had any
 * comes first, and of equals the lowest id. O(backends).
 *
 * Source: the helper `qps` of vllm-project/production-stack, src/vllm_router/routers/routing_logic.py at
 * a6c01db, where the window is 60 s.
 */
export class LowestRate {
  private readonly sentLately: WindowCounts
  private isKnown = new Uint8Array(0)
  private rates = new Float64Array(0)

  /** @param spanMs - length of the window, above 0 */
  constructor(spanMs: number) {
    this.sentLately = new WindowCounts(spanMs)
  }

  /** The backend with the lowest rate, or a rejection when none is available. */
  pick(cluster: ClusterView): BackendView | Reject {
    const { ids, nowMs } = cluster
    this.reserve(cluster.columns.waiting.length)
    this.sentLately.expire(nowMs)
    const { isKnown, rates } = this
    const { counts } = this.sentLately
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      rates[id] = isKnown[id] === 1 ? counts[id]! : -1
    }
    return leastOf(cluster, rates, 'first')
  }

  /** A request was sent to a backend. */
  sent(backend: number, nowMs: number): void {
    this.reserve(backend + 1)
    this.isKnown[backend] = 1
    this.sentLately.add(backend, nowMs)
  }

  private reserve(size: number): void {
    if (this.rates.length >= size) return
    this.isKnown = grown(this.isKnown, new Uint8Array(size))
    this.rates = new Float64Array(size)
  }
}
