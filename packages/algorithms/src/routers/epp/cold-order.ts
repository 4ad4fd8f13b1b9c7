import type { ClusterView } from '@routesim/core'

/**
 * Backends by how long ago they were given a prompt that nobody had cached, never used ones first. The i-th
 * of n scores 1 - i / (n - 1), all score 0.5 when the prompt is cached somewhere. O(backends).
 *
 * Source: no-hit-lru-scorer of llm-d/llm-d-router at ebab687.
 */
export class ColdOrder {
  /** Backends of the cluster, the first to get a cold prompt first. */
  private order: number[] = []
  private members: ArrayLike<number> | undefined
  /** By id: when it was given a cold prompt, as a number in order; absent for never. */
  private readonly uses: number[] = []
  private count = 0

  /** Takes the weighted scores off costs, a column indexed by id. */
  addScores(
    { ids, notes }: ClusterView,
    isCold: boolean,
    weight: number,
    costs: Float64Array,
  ): void {
    if (ids !== this.members) this.setMembers(ids)
    const { order } = this
    for (let i = 0; i < order.length; i++) {
      const score = !isCold ? 0.5 : order.length === 1 ? 1 : 1 - i / (order.length - 1)
      costs[order[i]!] = costs[order[i]!]! - weight * score
      notes?.term('no_hit_lru', order[i]!, weight * score)
    }
  }

  /** A backend was given a cold prompt: it is the last to get another. */
  used(id: number): void {
    this.uses[id] = ++this.count
    const { order } = this
    const at = order.indexOf(id)
    if (at === -1) return
    for (let i = at; i < order.length - 1; i++) order[i] = order[i + 1]!
    order[order.length - 1] = id
  }

  private setMembers(ids: ArrayLike<number>): void {
    this.members = ids
    const { uses } = this
    this.order = Array.from(ids).sort((a, b) => (uses[a] ?? 0) - (uses[b] ?? 0) || a - b)
  }
}
