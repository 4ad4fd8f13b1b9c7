import { grown } from '../pickers/column.js'
import type { PromptPath } from '../prompt/prompt-path.js'
import { OwnParts } from './own-parts.js'
import { OwnershipTable } from './ownership-table.js'

/** What {@link RadixTree.deepest} found. */
export interface DeepestMatch {
  /** Leading tokens of the prompt that some backend was sent before. */
  tokens: number
  /** The run they end in, -1 for none. */
  run: number
}

/** How a {@link RadixTree} is used. */
export interface RadixTreeOptions {
  /** Whether some of it is evicted at times; otherwise it need not remember what prompts have for themselves. */
  readonly isEvicted?: boolean
}

/**
 * What each backend was sent, as a radix tree over prompts in which every node has its owners: the
 * approximate prefix index of SGLang's gateway and of its relatives. The ids of a {@link PromptPath}
 * stand for a run and all before it, so a node is a row and needs no children.
 *
 * What a backend owns is closed under prefixes: the least recently used goes first, and what one prompt was the last to
 * use goes as a whole, so that it does not matter into which runs prompts are cut.
 * `insert` and `match` are O(runs of the prompt x owners), evictions O(1) each.
 *
 * Sources: sgl-project/sglang, sgl-router/src/tree.rs, after its rules as described in its documentation; ray-project/ray,
 * prefix_tree.py, evict_tenant_by_lru, which removes nodes of the same last use together.
 */
export class RadixTree {
  private readonly isEvicted: boolean
  private readonly owners = new OwnershipTable()
  private readonly ownParts = new OwnParts()
  /** By backend: tokens that no other prompt has. */
  private ownTokens = new Float64Array(0)
  /** Prompts that were inserted. The table has their numbers for times, of which several may be equal. */
  private uses = 0
  /** By run: the owner that used it last, plus one. */
  private latest = new Int32Array(0)

  constructor({ isEvicted = true }: RadixTreeOptions = {}) {
    this.isEvicted = isEvicted
  }

  /** Nodes owned, counted once per owner. */
  get size(): number {
    return this.owners.size
  }

  /** Memory that it takes, in bytes: what is evicted makes room for what comes. */
  get bytes(): number {
    return (
      this.owners.bytes + this.ownParts.bytes + this.ownTokens.byteLength + this.latest.byteLength
    )
  }

  /** Tokens that a backend was sent, and that are not forgotten: each once where prompts share them. */
  tokensOf(backend: number): number {
    return this.owners.tokensOf(backend) + (this.ownTokens[backend] ?? 0)
  }

  /**
   * Says that a backend was sent a prompt.
   * @param promptTokens - its length, with what is its own after the runs
   */
  insert(path: PromptPath, backend: number, promptTokens: number): void {
    const use = ++this.uses
    this.owners.at(use)
    if (promptTokens > path.tokens) this.addOwn(backend, use, promptTokens - path.tokens)
    // The deepest first, so that a node is never older than those below it: the oldest is a leaf.
    for (let i = path.length - 1; i >= 0; i--) {
      const start = i === 0 ? 0 : path.endTokens[i - 1]!
      this.owners.touch(path.ids[i]!, backend, path.endTokens[i]! - start)
      this.remember(path.ids[i]!, backend)
    }
  }

  /** Leading tokens of a prompt that each backend owns, by id. */
  match(path: PromptPath, out: Float64Array): void {
    this.owners.reserveOwners(out.length)
    out.fill(0)
    for (let i = 0; i < path.length; i++) {
      const end = path.endTokens[i]!
      const count = this.owners.ownersOf(path.ids[i]!)
      if (count === 0) return
      const { found } = this.owners
      for (let k = 0; k < count; k++) if (found[k]! < out.length) out[found[k]!] = end
    }
  }

  /** The longest leading part of a prompt that any backend owns. */
  deepest(path: PromptPath, out: DeepestMatch): void {
    out.tokens = 0
    out.run = -1
    for (let i = 0; i < path.length; i++) {
      if (this.owners.firstOwner(path.ids[i]!) === -1) return
      out.tokens = path.endTokens[i]!
      out.run = path.ids[i]!
    }
  }

  /** The owner that used a run last, while it still owns it; else any owner; -1 for none. */
  latestOwner(run: number): number {
    const latest = (this.latest[run] ?? 0) - 1
    if (latest !== -1 && this.owners.find(run, latest) !== -1) return latest
    const e = this.owners.firstOwner(run)
    return e === -1 ? -1 : this.owners.ownerOf(e)
  }

  /** Marks the backends that own a run with 1, by id, and all others with 0. @param run - -1 for none */
  holders(run: number, out: Float64Array): void {
    out.fill(0)
    if (run === -1) return
    const count = this.owners.ownersOf(run)
    const { found } = this.owners
    for (let k = 0; k < count; k++) if (found[k]! < out.length) out[found[k]!] = 1
  }

  /** Whether a backend owns a run. */
  owns(run: number, backend: number): boolean {
    return this.owners.find(run, backend) !== -1
  }

  /** Forgets what a backend was sent, the least recently used first, until that is at most `budgetTokens`. */
  evict(backend: number, budgetTokens: number): void {
    while (this.tokensOf(backend) > budgetTokens && this.dropOldest(backend));
  }

  /** Forgets all that a backend was sent. */
  remove(backend: number): void {
    while (this.dropOldest(backend));
    if (backend < this.ownTokens.length) this.ownTokens[backend] = 0
  }

  /** Forgets runs whose ids will stand for other content; with a run all that begin with it. */
  forget(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) this.owners.dropRun(ids[i]!)
  }

  private addOwn(backend: number, use: number, tokens: number): void {
    if (backend >= this.ownTokens.length) {
      const size = Math.max(16, 2 * (backend + 1))
      this.ownTokens = grown(this.ownTokens, new Float64Array(size))
    }
    this.ownTokens[backend] = this.ownTokens[backend]! + tokens
    if (this.isEvicted) this.ownParts.add(backend, use, tokens)
  }

  /** Forgets what the prompt least recently sent to a backend was the last to use. @returns false when there is nothing */
  private dropOldest(backend: number): boolean {
    const { owners, ownParts } = this
    const use = Math.min(owners.oldestMs(backend), ownParts.oldestUse(backend))
    if (use === Number.POSITIVE_INFINITY) return false
    if (ownParts.oldestUse(backend) === use) {
      this.ownTokens[backend] = this.ownTokens[backend]! - ownParts.dropOldest(backend)
    }
    while (owners.oldestMs(backend) === use) owners.dropOldest(backend)
    return true
  }

  private remember(run: number, backend: number): void {
    if (run >= this.latest.length) {
      this.latest = grown(this.latest, new Int32Array(Math.max(256, 2 * (run + 1))))
    }
    this.latest[run] = backend + 1
  }
}
