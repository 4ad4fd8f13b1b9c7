import type { RequestView } from '@routesim/core'
import { OwnershipTable } from '../prefix-index/ownership-table.js'
import { PromptPath } from '../prompt/prompt-path.js'
import { wholeBlocks } from '../prompt/whole-blocks.js'
import { InFlightTokens } from './in-flight-tokens.js'

const NONE = -1

/**
 * Distinct prompt blocks of the requests that this router has under way on each backend: the whole blocks of a prefix that
 * several of them share count once.
 *
 * `add` and `remove` are O(runs of the prompt x owners), the rest O(backends) or less.
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/sequences/single.rs.
 */
export class ActiveBlocks {
  private readonly isSharing: boolean
  private readonly own = new InFlightTokens()
  private readonly shared = new OwnershipTable()
  private readonly path = new PromptPath()
  /** The request that was matched just now, whose path is read; -1 for none. */
  private matchedRow = NONE
  private homes = new Int32Array(0)
  /** By backend: tokens per block, as of the last request that was added. */
  private blockTokens = new Int32Array(0)
  private blockColumn = new Float64Array(0)

  /** @param isSharing - false counts every request's blocks by themselves */
  constructor(isSharing: boolean) {
    this.isSharing = isSharing
  }

  /** Requests under way, by backend id. */
  get requests(): ArrayLike<number> {
    return this.own.requests
  }

  /** Makes room for a fleet. */
  reserve(size: number): void {
    this.own.reserve(size)
    this.shared.reserveOwners(size)
    if (size <= this.blockColumn.length) return
    const [blocks, blockTokens] = [this.blockColumn, this.blockTokens]
    this.blockColumn = new Float64Array(size)
    this.blockColumn.set(blocks)
    this.blockTokens = new Int32Array(size)
    this.blockTokens.set(blockTokens)
  }

  /** Blocks under way on each backend, by id. */
  get blocks(): ArrayLike<number> {
    return this.blockColumn
  }

  /** Blocks under way on a backend. */
  blocksOf(backend: number, blockTokens: number): number {
    return (this.own.tokens[backend]! + this.shared.tokensOf(backend)) / blockTokens
  }

  /** Leading tokens of a prompt that are under way on each backend, by id, in whole blocks. */
  match(request: RequestView, out: Float64Array): void {
    out.fill(0)
    this.read(request)
    this.matchedRow = request.id
    const { path, shared, blockTokens } = this
    for (let i = 0; i < path.length; i++) {
      const end = path.endTokens[i]!
      const count = shared.ownersOf(path.ids[i]!)
      if (count === 0) return
      const { found } = shared
      for (let k = 0; k < count; k++) {
        const backend = found[k]!
        out[backend] = wholeBlocks(end, blockTokens[backend]!)
      }
    }
  }

  /** A request is under way. */
  add(request: RequestView, backend: number, blockTokens: number): void {
    this.remove(request)
    if (this.matchedRow !== request.id) this.read(request)
    const { path } = this
    let start = 0
    for (let i = 0; i < path.length; i++) {
      const end = wholeBlocks(path.endTokens[i]!, blockTokens)
      this.shared.acquire(path.ids[i]!, backend, end - start)
      start = end
    }
    const blocks = Math.ceil(request.promptTokens / blockTokens)
    this.own.add(request.id, backend, blocks * blockTokens - start)
    if (request.id >= this.homes.length) {
      const before = this.homes
      this.homes = new Int32Array(Math.max(1024, 2 * (request.id + 1)))
      this.homes.set(before)
    }
    this.homes[request.id] = backend + 1
    this.reserve(backend + 1)
    this.blockTokens[backend] = blockTokens
    this.count(backend)
  }

  /** A request has ended; nothing happens when it was not under way. */
  remove(request: RequestView): void {
    const home = (this.homes[request.id] ?? 0) - 1
    if (home === -1) return
    this.homes[request.id] = 0
    this.own.release(request.id)
    this.read(request)
    for (let i = 0; i < this.path.length; i++) this.shared.release(this.path.ids[i]!, home)
    this.count(home)
  }

  private count(backend: number): void {
    this.blockColumn[backend] = this.blocksOf(backend, this.blockTokens[backend]!)
  }

  private read(request: RequestView): void {
    this.matchedRow = NONE
    if (this.isSharing) request.promptPath(this.path)
    else this.path.clear()
  }
}
