import type { KvTier } from '@routesim/core'
import { BlockLru } from './block-lru.js'

/** Content of a block that no other request can ask for. */
export const NAMELESS = -1

/**
 * The memory below the GPUs of one backend. What the KV cache evicts goes to the nearest tier; what a
 * tier has no room for goes to the next, and from the last it is gone. A block that is read is the most
 * recently used of the nearest tier, and stays there while the GPUs have it too.
 */
export class LowerTiers {
  private readonly tiers: readonly BlockLru[]

  constructor(tiers: readonly KvTier[]) {
    this.tiers = tiers.map(({ blocks }) => new BlockLru(blocks))
  }

  /** Keeps a block that was evicted. */
  keep(content: number): void {
    for (const tier of content === NAMELESS ? [] : this.tiers.slice(1)) tier.remove(content)
    let moving = content
    for (const tier of this.tiers) {
      moving = tier.put(moving)
      if (moving === BlockLru.NOTHING) return
    }
  }

  /** Counts leading contents that are there, by tier, up to the first that is not. @returns how many */
  match(contents: Int32Array, count: number, out: Int32Array): number {
    out.fill(0)
    for (let i = 0; i < count; i++) {
      const tier = this.tiers.findIndex((each) => each.has(contents[i]!))
      if (tier < 0) return i
      out[tier]!++
    }
    return count
  }

  /** Says that contents are read, the beginning of the prompt last: its end goes first. */
  read(contents: Int32Array, count: number): void {
    for (let i = count - 1; i >= 0; i--) this.keep(contents[i]!)
  }

  /** Blocks in use in each tier. */
  usage(): number[] {
    return this.tiers.map(({ size }) => size)
  }

  clear(): void {
    for (const tier of this.tiers) tier.clear()
  }
}
