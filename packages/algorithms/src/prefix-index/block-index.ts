import { grown } from '../pickers/column.js'
import type { PromptPath } from '../prompt/prompt-path.js'
import { wholeBlocks } from '../prompt/whole-blocks.js'
import { OwnershipTable } from './ownership-table.js'

const NONE = -1

/** What a {@link BlockIndex} sees and keeps. */
export interface BlockIndexLimits {
  /** Tokens of a block: what two prompts have in common is seen in whole blocks. */
  readonly blockTokens: number
  /** Blocks per backend at most; the least recently used go first. Infinity for all. */
  readonly capacityBlocks: number
  /** Time after which what was not used again is forgotten, in ms. Infinity for never. */
  readonly ttlMs: number
  /** Whether the rest of a prompt after its last whole block is a block, too, which equal prompts share; or not. */
  readonly countsRests?: boolean
}

/**
 * Which blocks each backend was sent, block by block: the approximate prefix index of llm-d, AIBrix and
 * Dynamo. Unlike a {@link RadixTree} it sees no more than whole blocks, and forgets the start of a prompt first, as
 * these do; then `matchRuns` still counts what lies after the gap while `matchPrefix` does not.
 *
 * The blocks that end within a run of a prompt are one entry: who has the run has had them all, at once. So `insert` and
 * both matches are O(runs of the prompt x owners), however small blocks are, and what is forgotten O(1) each.
 *
 * Source: llm-d/llm-d-router, approximate prefix producer at ebab687; ai-dynamo/dynamo,
 * lib/kv-router/src/approx.rs at b072cdb2.
 */
export class BlockIndex {
  private readonly limits: BlockIndexLimits
  /** Numbers of entries per run: the rest of a prompt that ends with the run is one of its own. */
  private readonly stride: 1 | 2
  private readonly owners = new OwnershipTable()
  /** Blocks of backends that keep fewer than the rest, by id. */
  private readonly capacities: number[] = []
  /** By backend: its least recently used entry, if the first blocks of that are forgotten; else -1, or an entry that is gone. */
  private trimmed = new Int32Array(0)
  private backends = 0
  /** Nothing was used last before then. */
  private oldestMs = Number.POSITIVE_INFINITY

  constructor(limits: BlockIndexLimits) {
    this.limits = limits
    this.stride = limits.countsRests === true ? 2 : 1
  }

  /** Entries owned, counted once per owner. */
  get size(): number {
    return this.owners.size
  }

  /** Memory that it takes, in bytes: what it forgets makes room for what comes. */
  get bytes(): number {
    return this.owners.bytes
  }

  /** Tokens of the blocks that a backend owns, all counted as whole ones. */
  tokensOf(backend: number): number {
    return this.owners.tokensOf(backend)
  }

  /** Keeps at most so many blocks of one backend, instead of those of the limits. */
  limit(backend: number, capacityBlocks: number): void {
    this.capacities[backend] = capacityBlocks
  }

  /**
   * Says that a backend was sent a prompt.
   * @param promptTokens - its length, where its rest may count
   */
  insert(
    path: PromptPath,
    backend: number,
    nowMs: number,
    promptTokens: number = Number.POSITIVE_INFINITY,
  ): void {
    if (backend >= this.backends) this.backends = backend + 1
    if (backend >= this.trimmed.length) {
      this.trimmed = grown(this.trimmed, new Int32Array(2 * (backend + 8)).fill(NONE))
    }
    if (nowMs < this.oldestMs) this.oldestMs = nowMs
    this.owners.at(nowMs)
    const { stride } = this
    const size = this.limits.blockTokens
    let start = 0
    for (let i = 0; i < path.length; i++) {
      const end = wholeBlocks(path.endTokens[i]!, size)
      if (end === start) continue
      this.touch(stride * path.ids[i]!, backend, end - start)
      start = end
    }
    const rest = this.restOf(path, promptTokens)
    if (rest !== NONE) this.touch(rest, backend, size)
    this.keepToCapacity(backend)
  }

  /**
   * Leading tokens that each backend holds without a gap, by id.
   * @param promptTokens - length of the prompt, where its rest may count
   */
  matchPrefix(
    path: PromptPath,
    nowMs: number,
    out: Float64Array,
    promptTokens: number = Number.POSITIVE_INFINITY,
  ): void {
    const { owners, stride, trimmed } = this
    const size = this.limits.blockTokens
    owners.reserveOwners(out.length)
    this.expire(nowMs)
    out.fill(0)
    let start = 0
    for (let i = 0; i < path.length; i++) {
      const end = wholeBlocks(path.endTokens[i]!, size)
      if (end === start) continue
      const entry = stride * path.ids[i]!
      const count = owners.ownersOf(entry)
      if (count === 0) return
      const { found } = owners
      for (let k = 0; k < count; k++) {
        const owner = found[k]!
        if (out[owner] === start && trimmed[owner] !== entry) out[owner] = end
      }
      start = end
    }
    const rest = this.restOf(path, promptTokens)
    if (rest === NONE) return
    const count = owners.ownersOf(rest)
    const { found } = owners
    for (let k = 0; k < count; k++) if (out[found[k]!] === start) out[found[k]!] = path.tokens
  }

  /**
   * Tokens of the blocks that each backend holds, by id, up to the first block that nobody holds: gaps
   * within that count for nothing, but what follows them does.
   * @param promptTokens - length of the prompt, where its rest may count
   */
  matchRuns(
    path: PromptPath,
    nowMs: number,
    out: Float64Array,
    promptTokens: number = Number.POSITIVE_INFINITY,
  ): void {
    const { owners, stride, trimmed } = this
    const size = this.limits.blockTokens
    owners.reserveOwners(out.length)
    this.expire(nowMs)
    out.fill(0)
    let start = 0
    for (let i = 0; i < path.length; i++) {
      const end = wholeBlocks(path.endTokens[i]!, size)
      if (end === start) continue
      const entry = stride * path.ids[i]!
      const count = owners.ownersOf(entry)
      if (!this.isWhole(entry, count)) return
      const tokens = end - start
      const { found } = owners
      for (let k = 0; k < count; k++) {
        const owner = found[k]!
        if (owner >= out.length) continue
        const held = trimmed[owner] === entry ? owners.tokensIn(owners.find(entry, owner)) : tokens
        out[owner] = out[owner]! + held
      }
      start = end
    }
    const rest = this.restOf(path, promptTokens)
    if (rest === NONE) return
    const count = owners.ownersOf(rest)
    const { found } = owners
    for (let k = 0; k < count; k++) {
      const owner = found[k]!
      if (owner < out.length) out[owner] = out[owner]! + path.tokens - start
    }
  }

  /** Forgets all that a backend owns. */
  remove(backend: number): void {
    while (this.owners.dropOldest(backend));
  }

  /** Forgets runs whose ids will stand for other content; with a run all that begin with it. */
  forget(ids: ArrayLike<number>): void {
    const { owners, stride } = this
    for (let i = 0; i < ids.length; i++) {
      owners.dropRun(stride * ids[i]!)
      if (stride === 2) owners.dropRun(2 * ids[i]! + 1)
    }
  }

  /** The entry of what a prompt has after its last whole block, -1 when that does not count. */
  private restOf(path: PromptPath, promptTokens: number): number {
    const { tokens, length } = path
    if (this.stride === 1 || tokens < promptTokens || length === 0) return NONE
    return tokens % this.limits.blockTokens === 0 ? NONE : 2 * path.ids[length - 1]! + 1
  }

  /** Whether one of the owners that were found has all blocks of an entry, and so somebody the first. */
  private isWhole(entry: number, count: number): boolean {
    const { trimmed } = this
    const { found } = this.owners
    for (let k = 0; k < count; k++) if (trimmed[found[k]!] !== entry) return true
    return false
  }

  private touch(entry: number, backend: number, tokens: number): void {
    const isNew = this.owners.touch(entry, backend, tokens)
    if (this.trimmed[backend] !== entry) return
    this.trimmed[backend] = NONE
    if (!isNew) this.owners.resize(this.owners.find(entry, backend), tokens)
  }

  /** Forgets what was used least recently: of a run, which is as old as its blocks, the first ones. */
  private keepToCapacity(backend: number): void {
    const { owners, limits } = this
    const capacityTokens = (this.capacities[backend] ?? limits.capacityBlocks) * limits.blockTokens
    let excess = owners.tokensOf(backend) - capacityTokens
    while (excess > 0) {
      const oldest = owners.oldestOf(backend)
      const held = owners.tokensIn(oldest)
      if (held > excess) {
        this.trimmed[backend] = owners.runOf(oldest)
        owners.resize(oldest, held - excess)
      } else owners.drop(oldest)
      excess -= held
    }
  }

  private expire(nowMs: number): void {
    const { ttlMs } = this.limits
    if (nowMs - this.oldestMs < ttlMs) return
    let oldestMs = Number.POSITIVE_INFINITY
    for (let backend = 0; backend < this.backends; backend++) {
      while (nowMs - this.owners.oldestMs(backend) >= ttlMs) this.owners.dropOldest(backend)
      oldestMs = Math.min(oldestMs, this.owners.oldestMs(backend))
    }
    this.oldestMs = oldestMs
  }
}
