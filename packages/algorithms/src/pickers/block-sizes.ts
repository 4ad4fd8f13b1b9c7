import type { ClusterView } from '@routesim/core'

/**
 * Tokens per KV block of each backend, as a column by id: views say it too, but a view is an object of its own,
 * and a loop over a large fleet would wait for the memory of each. Read anew when the fleet changes.
 */
export class BlockSizes {
  private sizes = new Int32Array(0)
  private seen: ArrayLike<number> | undefined

  /** The column, valid for the backends of this cluster. O(1) while the fleet is the same. */
  of({ backends, columns, ids }: ClusterView): Int32Array {
    if (ids === this.seen) return this.sizes
    this.seen = ids
    if (this.sizes.length < columns.waiting.length) {
      this.sizes = new Int32Array(columns.waiting.length)
    }
    for (let i = 0; i < ids.length; i++) this.sizes[ids[i]!] = backends[i]!.blockTokens
    return this.sizes
  }
}
