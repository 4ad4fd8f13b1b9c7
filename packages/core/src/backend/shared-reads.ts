import type { BackendSpec } from '../engine/simulation-options.js'
import type { KvCacheView } from '../kv-cache/kv-cache.js'
import { NO_NODE } from '../requests/prompt-tree.js'
import type { RequestTable } from '../requests/request-table.js'
import { wholeBlocks } from '../requests/whole-blocks.js'

/** Whether anybody asks how much context the decodes of a backend share. */
export function countsSharedReads(
  { latency }: BackendSpec,
  kv: Pick<KvCacheView, 'sharesPrefixes'>,
): boolean {
  return latency.readsSharedOnce === true && kv.sharesPrefixes === true
}

/** Enough to tell a run that is shared from one that is not. */
const SEVERAL = 2

/**
 * How many tokens of context the decodes of each backend read more than once, because their prompts
 * begin alike and hold the same KV blocks. Changes with the batch only, at a cost per run of blocks that
 * several requests of the workload have.
 */
export class SharedReads {
  private readonly requests: RequestTable
  /** Per backend: tokens of a block, 0 where nobody asks. */
  private readonly blockTokens: Int32Array
  /** Per node: 1 where paths part or a prompt ends, and how many requests pass it, up to several. */
  private readonly isEnd: Uint8Array
  private readonly uses: Uint8Array
  /** Per node: the nearest such node above it. */
  private readonly above: Int32Array
  /** Per backend: decodes that read the run that ends at a node. */
  private readonly readers: readonly Map<number, number>[]

  constructor(
    requests: RequestTable,
    specs: readonly BackendSpec[],
    kv: Pick<KvCacheView, 'sharesPrefixes'>,
  ) {
    this.requests = requests
    this.blockTokens = Int32Array.from(specs, (spec) =>
      countsSharedReads(spec, kv) ? spec.kv.blockTokens : 0,
    )
    this.readers = specs.map(() => new Map())
    const isAsked = this.blockTokens.some((tokens) => tokens > 0)
    const size = isAsked ? requests.prompts.size : 0
    this.isEnd = new Uint8Array(size)
    this.uses = new Uint8Array(size)
    this.above = new Int32Array(size)
    if (size > 0) this.findRuns()
  }

  /** A request decodes from now on. @returns tokens of context that are read once more */
  join(backend: number, request: number): number {
    return this.change(backend, request, 1)
  }

  /** A request decodes no longer. @returns tokens of context that are read once less */
  leave(backend: number, request: number): number {
    return this.change(backend, request, -1)
  }

  private change(backend: number, request: number, by: 1 | -1): number {
    const blockTokens = this.blockTokens[backend]!
    if (blockTokens === 0) return 0
    const { requests, uses, above } = this
    const { endTokens } = requests.prompts
    const readers = this.readers[backend]!
    let shared = 0
    for (let node = wholeNode(requests, request); node !== NO_NODE; node = above[node]!) {
      if (uses[node]! < SEVERAL) continue
      const before = readers.get(node) ?? 0
      if (before + by === 0) readers.delete(node)
      else readers.set(node, before + by)
      if (Math.max(before, before + by) < SEVERAL) continue
      const start = above[node] === NO_NODE ? 0 : endTokens[above[node]!]!
      shared += wholeBlocks(endTokens[node]!, blockTokens) - wholeBlocks(start, blockTokens)
    }
    return shared
  }

  private findRuns(): void {
    const { requests, isEnd, uses, above } = this
    const { parent, size } = requests.prompts
    if (requests.isWindow === true) {
      // Where the requests of a window will end is not known yet.
      isEnd.fill(1)
      uses.fill(SEVERAL)
    } else {
      const children = new Uint8Array(size)
      for (const node of parent)
        if (node !== NO_NODE && children[node]! < SEVERAL) children[node]!++
      for (let node = 0; node < size; node++) isEnd[node] = children[node] === 1 ? 0 : 1
      for (let request = 0; request < requests.size; request++) {
        const last = wholeNode(requests, request)
        if (last === NO_NODE) continue
        isEnd[last] = 1
        uses[last] = Math.min(SEVERAL, uses[last]! + 1)
      }
      for (let node = size - 1; node >= 0; node--) {
        const up = parent[node]!
        if (up !== NO_NODE) uses[up] = Math.min(SEVERAL, uses[up]! + uses[node]!)
      }
    }
    for (let node = 0; node < size; node++) {
      const up = parent[node]!
      above[node] = up === NO_NODE || isEnd[up] === 1 ? up : above[up]!
    }
  }
}

/** The deepest node that the prompt of a request has all of: always the end of a run. */
function wholeNode({ prompts, promptNode, promptTokens }: RequestTable, request: number): number {
  let node = promptNode[request]!
  while (node !== NO_NODE && prompts.endTokens[node]! > promptTokens[request]!) {
    node = prompts.parent[node]!
  }
  return node
}
