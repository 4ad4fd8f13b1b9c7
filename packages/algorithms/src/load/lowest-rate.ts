import type { BackendView, ClusterView, Reject } from '@routesim/core'
import { grown } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { SlidingWindow } from './sliding-window.js'

/**
 * Sends to the backend with the fewest requests of this router within a window; one that never had any
 * comes first, and of equals the lowest id. O(backends).
 *
 * Source: the helper `qps` of vllm-project/production-stack, src/vllm_router/routers/routing_logic.py at
 * a6c01db, where the window is 60 s.
 */
export class LowestRate {
  private readonly spanMs: number
  private readonly windows: SlidingWindow[] = []
  private isKnown = new Uint8Array(0)
  private counts = new Float64Array(0)

  /** @param spanMs - length of the window, above 0 */
  constructor(spanMs: number) {
    this.spanMs = spanMs
  }

  /** The backend with the lowest rate, or a rejection when none is available. */
  pick(cluster: ClusterView): BackendView | Reject {
    const { ids, nowMs } = cluster
    this.reserve(cluster.columns.waiting.length)
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!
      this.counts[id] = this.isKnown[id] === 1 ? this.windows[id]!.count(nowMs) : -1
    }
    return leastOf(cluster, this.counts, 'first')
  }

  /** A request was sent to a backend. */
  sent(backend: number, nowMs: number): void {
    this.reserve(backend + 1)
    this.isKnown[backend] = 1
    this.windows[backend]!.add(nowMs, 1)
  }

  private reserve(size: number): void {
    if (this.counts.length >= size) return
    this.isKnown = grown(this.isKnown, new Uint8Array(size))
    this.counts = new Float64Array(size)
    while (this.windows.length < size) this.windows.push(new SlidingWindow(this.spanMs))
  }
}
