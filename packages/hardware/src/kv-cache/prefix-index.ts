import type { BackendSet, KvCapacity, KvListener, RequestTable } from '@routesim/core'
import { BlockTree } from './block-tree.js'
import { NodeHolders } from './node-holders.js'
import { RecordPool } from './record-pool.js'

const NONE = -1

// Fields of an extent: the blocks of one tree node that one backend holds, [START, RESIDENT). The
// first of them, [START, PINNED), are in use by running requests.
export const NODE = 0
export const BACKEND = 1
export const START = 2
export const END = 3
export const RESIDENT = 4
export const PINNED = 5
/** Requests that hold the node to its end, and requests that hold only its beginning. */
export const FULL = 6
export const PARTIAL = 7
/** Extent of the parent node on the same backend. */
export const PARENT = 8
/** Neighbours in the chain of extents of the same node on other backends. */
export const NEXT = 9
export const PREVIOUS = 10
/** Shallowest LRU segment. */
export const SEGMENT = 11
const EXTENT_FIELDS = 16

/**
 * What every backend holds of every prompt: one index for all of them. What a backend holds of a tree
 * node is one extent. What is resident is closed under prefixes, so the deepest extent on a path tells
 * the whole match, and one walk of the path finds the matches of all backends.
 */
export class PrefixIndex {
  /** The fields of all extents. Read it anew after an extent was added. */
  readonly extents: RecordPool = new RecordPool(EXTENT_FIELDS, 64)
  private readonly requests: RequestTable
  /** One per block size, and which one each backend belongs to. */
  private readonly holders: readonly NodeHolders[]
  private readonly holdersOf: readonly NodeHolders[]
  /** Per request: the first extent of its own blocks, one per backend; last, those nobody asks for any more. */
  private readonly ownHead: Int32Array
  /** Hears of what becomes resident, and of what is no longer. */
  listener: KvListener | undefined
  /** Nodes on the longest path of any tree. */
  readonly depth: number
  private readonly path: Int32Array

  constructor(requests: RequestTable, capacity: readonly KvCapacity[], wideFrom: number) {
    this.requests = requests
    const sizes = [...new Set(capacity.map(({ blockTokens }) => blockTokens))]
    this.holders = sizes.map((blockTokens) => {
      return new NodeHolders(new BlockTree(requests, blockTokens), capacity.length, wideFrom)
    })
    this.holdersOf = capacity.map(({ blockTokens }) => this.holders[sizes.indexOf(blockTokens)]!)
    this.ownHead = new Int32Array(requests.size + 1).fill(NONE)
    this.depth = Math.max(...this.holders.map(({ tree }) => tree.depth))
    this.path = new Int32Array(this.depth)
  }

  /** The tree whose nodes a backend's extents name. */
  treeOf(backend: number): BlockTree {
    return this.holdersOf[backend]!.tree
  }

  /** Blocks on the path of a request's prompt, of the size of a backend's blocks. */
  pathBlocks(backend: number, request: number): number {
    const { tree } = this.holdersOf[backend]!
    const leaf = tree.leaf[request]!
    return leaf < 0 ? 0 : tree.end[leaf]!
  }

  /** Cached leading tokens of a request's path on every backend; the last of the prompt never counts. */
  match(request: number, out: Int32Array): void {
    out.fill(0)
    const promptTokens = this.requests.promptTokens[request]! - 1
    const x = this.extents.data
    for (const holders of this.holders) {
      const { tree, heads, rowOf } = holders
      let length = 0
      for (let node = tree.leaf[request]!; node >= 0; node = tree.parent[node]!) {
        if (heads[node] !== NONE) this.path[length++] = node
      }
      const limit = (promptTokens / tree.blockTokens) | 0
      for (let i = length - 1; i >= 0; i--) {
        const node = this.path[i]!
        const row = rowOf[node]!
        if (row !== NONE) {
          const { resident } = holders
          for (let b = 0; b < out.length; b++) {
            const blocks = resident[row + b]!
            if (blocks > 0) out[b] = Math.min(blocks, limit) * tree.blockTokens
          }
          continue
        }
        for (let e = heads[node]!; e !== NONE; e = x[e + NEXT]!) {
          out[x[e + BACKEND]!] = Math.min(x[e + RESIDENT]!, limit) * tree.blockTokens
        }
      }
    }
  }

  /** The row of a request has another one, which must not find what the one before left behind. */
  renew(request: number): void {
    this.disown(request)
    for (const { tree } of this.holders) tree.place(request)
  }

  /** Blocks that only a request would ask for stay until they are evicted, but nobody finds them. */
  private disown(request: number): void {
    const first = this.ownHead[request]!
    if (first === NONE) return
    const x = this.extents.data
    const nobody = this.ownHead.length - 1
    let last = first
    for (let e = first; e !== NONE; e = x[e + NEXT]!) {
      x[e + NODE] = -1 - nobody
      last = e
    }
    const next = this.ownHead[nobody]!
    x[last + NEXT] = next
    if (next !== NONE) x[next + PREVIOUS] = last
    this.ownHead[nobody] = first
    this.ownHead[request] = NONE
  }

  /** Backends of a set that hold anything of a request's path. @returns how many were written to `out` */
  holdersOfAny(request: number, among: BackendSet, out: Int32Array): number {
    const x = this.extents.data
    let count = 0
    for (const { tree, heads, rowOf, extents } of this.holders) {
      let first = NONE
      for (let node = tree.leaf[request]!; node >= 0; node = tree.parent[node]!) first = node
      if (first === NONE) continue
      // Who holds anything of a path holds its first node.
      const row = rowOf[first]!
      if (row === NONE) {
        for (let e = heads[first]!; e !== NONE; e = x[e + NEXT]!) {
          if (among.has(x[e + BACKEND]!)) out[count++] = x[e + BACKEND]!
        }
        continue
      }
      const { members, size } = among
      for (let i = 0; i < size; i++) {
        if (extents[row + members[i]!] !== NONE) out[count++] = members[i]!
      }
    }
    return count
  }

  /** The deepest extent of a request's content on a backend: what is resident ends with it. */
  deepest(backend: number, request: number): number {
    const own = this.findOwn(backend, request)
    if (own !== NONE) return own
    const { tree } = this.holdersOf[backend]!
    for (let node = tree.leaf[request]!; node >= 0; node = tree.parent[node]!) {
      const e = this.find(backend, node)
      if (e !== NONE) return e
    }
    return NONE
  }

  /** The extent of a node on a backend, -1 for none. */
  find(backend: number, node: number): number {
    const holders = this.holdersOf[backend]!
    const row = holders.rowOf[node]!
    if (row !== NONE) return holders.extents[row + backend]!
    const x = this.extents.data
    let e = holders.heads[node]!
    while (e !== NONE && x[e + BACKEND] !== backend) e = x[e + NEXT]!
    return e
  }

  /** The extent of a request's own blocks on a backend, -1 for none. */
  findOwn(backend: number, request: number): number {
    const x = this.extents.data
    let e = this.ownHead[request]!
    while (e !== NONE && x[e + BACKEND] !== backend) e = x[e + NEXT]!
    return e
  }

  /** An empty extent of a node on a backend. */
  add(backend: number, node: number, above: number, start: number, end: number): number {
    const holders = this.holdersOf[backend]!
    const e = this.newExtent(backend, node, above, start, end, holders.heads[node]!)
    holders.heads[node] = e
    if (holders.added(node)) this.widen(holders, node)
    const row = holders.rowOf[node]!
    if (row !== NONE) holders.extents[row + backend] = e
    return e
  }

  /** An extent of blocks that are a request's own: named by the request, and without an end. */
  addOwn(backend: number, request: number, above: number, start: number): number {
    const e = this.newExtent(
      backend,
      -1 - request,
      above,
      start,
      0x7fffffff,
      this.ownHead[request]!,
    )
    this.ownHead[request] = e
    return e
  }

  private newExtent(
    backend: number,
    node: number,
    above: number,
    start: number,
    end: number,
    next: number,
  ): number {
    const e = this.extents.take()
    const x = this.extents.data
    x[e + NODE] = node
    x[e + BACKEND] = backend
    x[e + START] = start
    x[e + END] = end
    x[e + RESIDENT] = start
    x[e + PINNED] = start
    x[e + FULL] = 0
    x[e + PARTIAL] = 0
    x[e + PARENT] = above
    x[e + NEXT] = next
    x[e + PREVIOUS] = NONE
    if (next !== NONE) x[next + PREVIOUS] = e
    x[e + SEGMENT] = NONE
    return e
  }

  /** Moves the extents of a node from their chain into a row, which is looked at instead. */
  private widen(holders: NodeHolders, node: number): void {
    const x = this.extents.data
    const row = holders.widen(node)
    for (let e = holders.heads[node]!; e !== NONE; e = x[e + NEXT]!) {
      holders.extents[row + x[e + BACKEND]!] = e
      holders.resident[row + x[e + BACKEND]!] = x[e + RESIDENT]!
    }
  }

  /** Says how far an extent is resident. */
  setResident(e: number, resident: number): void {
    const x = this.extents.data
    const node = x[e + NODE]!
    if (this.listener !== undefined && node >= 0) this.tell(this.listener, e, resident)
    x[e + RESIDENT] = resident
    if (node < 0) return
    const holders = this.holdersOf[x[e + BACKEND]!]!
    const row = holders.rowOf[node]!
    if (row !== NONE) holders.resident[row + x[e + BACKEND]!] = resident
  }

  /** Says what changes when an extent is resident up to another block than before. */
  private tell(listener: KvListener, e: number, resident: number): void {
    const x = this.extents.data
    const backend = x[e + BACKEND]!
    const { blockTokens, promptNodeOf } = this.treeOf(backend)
    const node = promptNodeOf[x[e + NODE]!]!
    const before = x[e + RESIDENT]! * blockTokens
    const after = resident * blockTokens
    if (after > before) listener.stored(backend, node, before, after)
    else if (after < before) listener.removed(backend, node, after, before)
  }

  /** Forgets an extent that holds nothing any more. */
  drop(e: number): void {
    const x = this.extents.data
    const node = x[e + NODE]!
    const backend = x[e + BACKEND]!
    const next = x[e + NEXT]!
    const previous = x[e + PREVIOUS]!
    if (next !== NONE) x[next + PREVIOUS] = previous
    if (previous !== NONE) x[previous + NEXT] = next
    else if (node < 0) this.ownHead[-1 - node] = next
    else this.holdersOf[backend]!.heads[node] = next
    this.extents.give(e)
    if (node < 0) return
    const holders = this.holdersOf[backend]!
    const row = holders.rowOf[node]!
    if (row !== NONE) {
      holders.extents[row + backend] = NONE
      holders.resident[row + backend] = 0
    }
    holders.removed(node)
  }

  /** Calls back for every extent. */
  forEach(visit: (extent: number) => void): void {
    const x = this.extents.data
    for (const heads of [...this.holders.map((holders) => holders.heads), this.ownHead]) {
      for (let i = 0; i < heads.length; i++) {
        for (let e = heads[i]!; e !== NONE; e = x[e + NEXT]!) visit(e)
      }
    }
  }
}
