import type { KvCapacity, KvUsage, RequestTable } from '@routesim/core'

interface Block {
  content: string | undefined
  references: number
}

/**
 * The KV cache as one would explain it: blocks are objects, their content is everything from the
 * start of the prompt spelled out, and the LRU order is a list. The oracle of the real one.
 */
export class NaiveKvCache {
  evictions = 0
  private free: number
  private readonly requests: RequestTable
  private readonly capacity: KvCapacity
  private readonly evictable: Block[] = []
  private readonly computed = new Map<string, Block>()
  private readonly held = new Map<number, Block[]>()

  constructor(requests: RequestTable, capacity: KvCapacity) {
    this.requests = requests
    this.capacity = capacity
    this.free = capacity.blocks
  }

  match(request: number, tokens: number): number {
    let blocks = 0
    while (
      (blocks + 1) * this.capacity.blockTokens <= tokens &&
      this.computed.has(this.content(request, blocks))
    ) {
      blocks++
    }
    return blocks * this.capacity.blockTokens
  }

  admit(request: number, cachedTokens: number, tokens: number): boolean {
    const cached = cachedTokens / this.capacity.blockTokens
    const hits = Array.from(
      { length: cached },
      (_, j) => this.computed.get(this.content(request, j))!,
    )
    const needed = Math.ceil(tokens / this.capacity.blockTokens) - cached
    const unused = hits.filter((block) => block.references === 0).length
    if (needed > this.free + this.evictable.length - unused) return false
    for (const block of hits) this.pin(block)
    this.held.set(request, [...hits, ...this.allocate(needed)])
    return true
  }

  extend(request: number, tokens: number): boolean {
    const blocks = this.held.get(request)!
    const needed = Math.ceil(tokens / this.capacity.blockTokens) - blocks.length
    if (needed <= 0) return true
    if (needed > this.free + this.evictable.length) return false
    blocks.push(...this.allocate(needed))
    return true
  }

  commit(request: number, tokens: number): void {
    const blocks = this.held.get(request)!
    for (let j = 0; (j + 1) * this.capacity.blockTokens <= tokens; j++) {
      const content = this.content(request, j)
      const known = this.computed.get(content)
      if (known === undefined) {
        blocks[j]!.content = content
        this.computed.set(content, blocks[j]!)
      } else if (known !== blocks[j]) {
        this.free++
        this.pin(known)
        blocks[j] = known
      }
    }
  }

  release(request: number): void {
    for (const block of this.held.get(request)!.reverse()) {
      block.references--
      if (block.references > 0) continue
      if (block.content === undefined) this.free++
      else this.evictable.push(block)
    }
    this.held.delete(request)
  }

  usage(): KvUsage {
    const total = this.capacity.blocks
    const cached = this.evictable.length
    return { total, cached, free: this.free, held: total - cached - this.free }
  }

  private pin(block: Block): void {
    if (block.references === 0) this.evictable.splice(this.evictable.indexOf(block), 1)
    block.references++
  }

  private allocate(count: number): Block[] {
    return Array.from({ length: count }, () => {
      if (this.free > 0) this.free--
      else {
        this.computed.delete(this.evictable.shift()!.content!)
        this.evictions++
      }
      return { content: undefined, references: 1 }
    })
  }

  /** Every token up to the end of the block, by the tree node that holds it or as the request's own. */
  private content(request: number, block: number): string {
    const { parent, startTokens, endTokens } = this.requests.prompts
    const names: string[] = []
    for (let at = (block + 1) * this.capacity.blockTokens - 1; at >= 0; at--) {
      let node = this.requests.promptNode[request]!
      if (node < 0 || at >= endTokens[node]!) {
        names.push(`request ${request}`)
        continue
      }
      while (at < startTokens[node]!) node = parent[node]!
      names.push(`node ${node}`)
    }
    return names.reverse().join()
  }
}
