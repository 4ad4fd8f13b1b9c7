import type { PromptPath } from '../prompt/prompt-path.js'
import { OwnershipTable } from './ownership-table.js'

/** What a {@link BlockIndex} keeps. */
export interface BlockIndexLimits {
  /** Tokens per backend at most; the least recently used go first. Infinity for all. */
  readonly capacityTokens: number
  /** Time after which what was not used again is forgotten, in ms. Infinity for never. */
  readonly ttlMs: number
}

/**
 * Which blocks each backend was sent, block by block: the approximate prefix index of llm-d, AIBrix and
 * Dynamo. Unlike a {@link RadixTree} it forgets the start of a prompt first, as these do, and then
 * `matchRuns` still counts what lies after the gap while `matchPrefix` does not.
 *
 * `insert` and both matches are O(blocks of the prompt x owners), what is forgotten O(1) each.
 *
 * Source: llm-d/llm-d-router, approximate prefix producer at ebab687; ai-dynamo/dynamo,
 * lib/kv-router/src/approx.rs at b072cdb2.
 */
export class BlockIndex {
  private readonly limits: BlockIndexLimits
  private readonly owners = new OwnershipTable()
  /** Tokens of backends that keep fewer than the rest, by id. */
  private readonly capacities: number[] = []
  private backends = 0
  /** Nothing was used last before then. */
  private oldestMs = Number.POSITIVE_INFINITY

  constructor(limits: BlockIndexLimits) {
    this.limits = limits
  }

  /** Blocks owned, counted once per owner. */
  get size(): number {
    return this.owners.size
  }

  /** Memory that it takes, in bytes: what it forgets makes room for what comes. */
  get bytes(): number {
    return this.owners.bytes
  }

  /** Tokens that a backend owns. */
  tokensOf(backend: number): number {
    return this.owners.tokensOf(backend)
  }

  /** Keeps at most so many tokens of one backend, instead of those of the limits. */
  limit(backend: number, capacityTokens: number): void {
    this.capacities[backend] = capacityTokens
  }

  /** Says that a backend was sent a prompt. */
  insert(path: PromptPath, backend: number, nowMs: number): void {
    if (backend >= this.backends) this.backends = backend + 1
    if (nowMs < this.oldestMs) this.oldestMs = nowMs
    this.owners.at(nowMs)
    for (let i = 0; i < path.length; i++) {
      const start = i === 0 ? 0 : path.endTokens[i - 1]!
      this.owners.touch(path.ids[i]!, backend, path.endTokens[i]! - start)
    }
    const capacityTokens = this.capacities[backend] ?? this.limits.capacityTokens
    while (this.owners.tokensOf(backend) > capacityTokens) this.owners.dropOldest(backend)
  }

  /** Leading tokens that each backend holds without a gap, by id. */
  matchPrefix(path: PromptPath, nowMs: number, out: Float64Array): void {
    const { owners } = this
    owners.reserveOwners(out.length)
    this.expire(nowMs)
    out.fill(0)
    for (let i = 0; i < path.length; i++) {
      const start = i === 0 ? 0 : path.endTokens[i - 1]!
      const end = path.endTokens[i]!
      const count = owners.ownersOf(path.ids[i]!)
      if (count === 0) return
      const { found } = owners
      for (let k = 0; k < count; k++) if (out[found[k]!] === start) out[found[k]!] = end
    }
  }

  /**
   * Tokens of the blocks that each backend holds, by id, up to the first block that nobody holds: gaps
   * within that count for nothing, but what follows them does.
   */
  matchRuns(path: PromptPath, nowMs: number, out: Float64Array): void {
    const { owners } = this
    owners.reserveOwners(out.length)
    this.expire(nowMs)
    out.fill(0)
    for (let i = 0; i < path.length; i++) {
      const tokens = path.endTokens[i]! - (i === 0 ? 0 : path.endTokens[i - 1]!)
      const count = owners.ownersOf(path.ids[i]!)
      if (count === 0) return
      const { found } = owners
      for (let k = 0; k < count; k++) {
        const owner = found[k]!
        if (owner < out.length) out[owner] = out[owner]! + tokens
      }
    }
  }

  /** Forgets all that a backend owns. */
  remove(backend: number): void {
    while (this.owners.dropOldest(backend));
  }

  /** Forgets runs whose ids will stand for other content; with a run all that begin with it. */
  forget(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) this.owners.dropRun(ids[i]!)
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
