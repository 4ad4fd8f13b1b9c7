import type { KvCapacity } from '@routesim/core'
import { LowerTiers, NAMELESS } from './lower-tiers.js'
import { NODE, type PrefixIndex, RESIDENT } from './prefix-index.js'

const NONE = -1

/** The tiers below the KV caches of all backends; blocks of the prompt tree have names in them. */
export class RadixTiers {
  private readonly index: PrefixIndex
  private readonly tiers: readonly (LowerTiers | undefined)[]
  /** Contents of the blocks of a request. */
  private names = new Int32Array(64)

  constructor(index: PrefixIndex, capacity: readonly KvCapacity[]) {
    this.index = index
    this.tiers = capacity.map(({ tiers }) =>
      tiers === undefined ? undefined : new LowerTiers(tiers),
    )
  }

  /** Whether a backend has any. */
  has(backend: number): boolean {
    return this.tiers[backend] !== undefined
  }

  match(backend: number, request: number, from: number, to: number, out: Int32Array): number {
    const count = this.nameBlocks(backend, request, from, to)
    return this.tiers[backend]?.match(this.names, count, out) ?? 0
  }

  read(backend: number, request: number, from: number, to: number): void {
    const count = this.nameBlocks(backend, request, from, to)
    this.tiers[backend]?.read(this.names, count)
  }

  /** Keeps the last resident blocks of an extent, the last one first; -1 is blocks without a name. */
  keep(backend: number, e: number, count: number): void {
    const to = this.tiers[backend]!
    const x = this.index.extents.data
    const node = e === NONE ? NONE : x[e + NODE]!
    const base = node < 0 ? 0 : this.index.treeOf(backend).nameBase[node]!
    for (let i = 1; i <= count; i++) to.keep(node < 0 ? NAMELESS : base + x[e + RESIDENT]! - i)
  }

  usage(backend: number): number[] {
    return this.tiers[backend]?.usage() ?? []
  }

  clear(backend: number): void {
    this.tiers[backend]?.clear()
  }

  /** Writes the names of the blocks between two tokens as far as the prompt tree has them. @returns how many */
  private nameBlocks(
    backend: number,
    request: number,
    fromTokens: number,
    toTokens: number,
  ): number {
    const { blockTokens, leaf, parent, start, end, nameBase } = this.index.treeOf(backend)
    const from = Math.floor(fromTokens / blockTokens)
    let node = leaf[request]!
    const to = node < 0 ? from : Math.min(Math.floor(toTokens / blockTokens), end[node]!)
    if (to - from > this.names.length) this.names = new Int32Array(2 * (to - from))
    for (let block = to - 1; block >= from; block--) {
      while (start[node]! > block) node = parent[node]!
      this.names[block - from] = nameBase[node]! + block
    }
    return Math.max(0, to - from)
  }
}
