import { NO_NODE } from '../requests/prompt-tree.js'
import type { RequestTable } from '../requests/request-table.js'

/**
 * Which blocks each backend is believed to hold, as KV events have told. Of every node of the prompt tree
 * a backend holds a leading part. A stored block whose predecessor is not known is refused, as Dynamo's
 * indexer does: after a lost event, what follows it stays unknown.
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/radix_tree.rs.
 */
export class BelievedPrefixes {
  /** Stored events that were refused. */
  refused = 0
  private readonly requests: RequestTable
  private readonly blockTokens: Int32Array
  /** By node: where the part that each backend holds ends, in tokens from the start of the prompt. */
  private readonly ends = new Map<number, Int32Array>()
  private readonly path: number[] = []

  /** @param blockTokens - tokens of a KV block, by backend */
  constructor(requests: RequestTable, blockTokens: Int32Array) {
    this.requests = requests
    this.blockTokens = blockTokens
  }

  stored(backend: number, node: number, fromTokens: number, toTokens: number): void {
    this.readPath(node)
    if (!this.isKnown(backend, fromTokens)) {
      this.refused++
      return
    }
    for (let i = this.path.length - 1; i >= 0; i--) {
      const part = this.path[i]!
      const to = Math.min(toTokens, this.lastEnd(backend, part))
      const from = Math.max(fromTokens, this.firstStart(backend, part))
      if (to <= from) continue
      const ends = this.endsOf(part)
      ends[backend] = Math.max(ends[backend]!, to)
    }
  }

  removed(backend: number, node: number, fromTokens: number, toTokens: number): void {
    this.readPath(node)
    for (const part of this.path) {
      const ends = this.ends.get(part)
      if (ends === undefined) continue
      const start = this.firstStart(backend, part)
      const from = Math.max(fromTokens, start)
      if (Math.min(toTokens, this.lastEnd(backend, part)) <= from) continue
      if (ends[backend]! > from) ends[backend] = from === start ? 0 : from
    }
  }

  /** Where the part of a node that a backend holds ends, in tokens from the start of the prompt; 0 for none. */
  endOn(backend: number, node: number): number {
    return this.ends.get(node)?.[backend] ?? 0
  }

  /** Forgets what a backend holds. */
  clear(backend: number): void {
    for (const ends of this.ends.values()) ends[backend] = 0
  }

  /** Forgets everything. */
  clearAll(): void {
    this.ends.clear()
  }

  /**
   * Leading prompt tokens of a request that each backend is believed to hold, floored to blocks; the last
   * token never counts.
   */
  match(request: number, out: Int32Array): void {
    const { promptNode, promptTokens } = this.requests
    out.fill(0)
    this.readPath(promptNode[request]!)
    const last = promptTokens[request]! - 1
    for (let i = this.path.length - 1; i >= 0; i--) {
      const node = this.path[i]!
      const ends = this.ends.get(node)
      let isAnyone = false
      for (let backend = 0; backend < out.length; backend++) {
        const start = this.firstStart(backend, node)
        const end = this.lastEnd(backend, node)
        // Who does not hold all before this node can not match any of it.
        if (end === start) isAnyone ||= out[backend] === start
        else if (ends !== undefined && out[backend] === start) {
          out[backend] = Math.max(start, ends[backend]!)
          isAnyone ||= out[backend] === end
        }
      }
      if (!isAnyone) break
    }
    for (let backend = 0; backend < out.length; backend++) {
      const blockTokens = this.blockTokens[backend]!
      out[backend] = Math.min(out[backend]!, Math.floor(last / blockTokens) * blockTokens)
    }
  }

  /** Whether a backend is known to hold the block that ends at an offset of the path that was read. */
  private isKnown(backend: number, offset: number): boolean {
    if (offset === 0) return true
    for (const node of this.path) {
      if (this.firstStart(backend, node) >= offset) continue
      return offset <= this.endOn(backend, node)
    }
    return false
  }

  /** Where the first block that ends in a node starts. */
  private firstStart(backend: number, node: number): number {
    const blockTokens = this.blockTokens[backend]!
    const start = this.requests.prompts.startTokens[node]!
    return start - (start % blockTokens)
  }

  /** Where the last block that ends in a node ends. */
  private lastEnd(backend: number, node: number): number {
    const end = this.requests.prompts.endTokens[node]!
    return end - (end % this.blockTokens[backend]!)
  }

  private endsOf(node: number): Int32Array {
    let ends = this.ends.get(node)
    if (ends === undefined) {
      ends = new Int32Array(this.blockTokens.length)
      this.ends.set(node, ends)
    }
    return ends
  }

  /** The nodes from one up to the root. */
  private readPath(deepest: number): void {
    const { parent } = this.requests.prompts
    this.path.length = 0
    for (let node = deepest; node !== NO_NODE; node = parent[node]!) this.path.push(node)
  }
}
