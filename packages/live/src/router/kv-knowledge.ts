import { BlockIndex, KvEventIndex, PromptPath } from '@routesim/algorithms'
import type { KvEvent, KvEventBatch } from '../kv-events/kv-event.js'
import { chainHash, hashBlocks } from '../tokens/block-hashes.js'
import type { CoreListener } from './core-listener.js'
import type { LiveRequest } from './live-request.js'

/** What a router knows of the prefix caches of its workers. */
export interface KvKnowledge {
  /** Writes the leading tokens of a prompt that each worker holds, by id. */
  match(request: LiveRequest, nowMs: number, out: Float64Array): void
  /** A request was sent to a worker. */
  sent(request: LiveRequest, worker: number, nowMs: number): void
  /** A worker is gone, or another than before: nothing is known of it. */
  forget(worker: number): void
  /** Blocks of prompts whose ids will stand for others. */
  forgetBlocks(ids: ArrayLike<number>): void
  /** Blocks that workers are taken to hold. */
  readonly size: number
}

/** Knows nothing. */
export class NoKnowledge implements KvKnowledge {
  readonly size = 0
  match(_request: LiveRequest, _nowMs: number, out: Float64Array): void {
    out.fill(0)
  }
  sent(): void {}
  forget(): void {}
  forgetBlocks(): void {}
}

/** Takes what was sent to a worker to be cached there for some time. */
export class ApproximateKnowledge implements KvKnowledge {
  private readonly index: BlockIndex
  private readonly path = new PromptPath()

  constructor(blockTokens: number, ttlMs: number) {
    this.index = new BlockIndex({ blockTokens, capacityBlocks: Number.POSITIVE_INFINITY, ttlMs })
  }

  get size(): number {
    return this.index.size
  }

  match(request: LiveRequest, nowMs: number, out: Float64Array): void {
    request.blockPath(this.path)
    this.index.matchPrefix(this.path, nowMs, out)
  }

  sent(request: LiveRequest, worker: number, nowMs: number): void {
    request.blockPath(this.path)
    this.index.insert(this.path, worker, nowMs)
  }

  forget(worker: number): void {
    this.index.remove(worker)
  }

  forgetBlocks(ids: ArrayLike<number>): void {
    this.index.forget(ids)
  }
}

/** Media of blocks on the device itself, where a prompt finds them at once. */
const DEVICE = new Set([undefined, 'GPU', 'DEVICE'])

/**
 * Kinds of cache groups, by the names of vLLM (`KVCacheSpecKind`) and of SGLang (`component_type`), whose layers look at
 * all of a prompt. A prefix can be found only as far as these hold it; groups of other kinds keep and drop blocks under
 * the same hashes by rules of their own (a window, the latest state), and what they say is not believed.
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/zmq_wire/filter.rs @17b173e9, `is_main_attention`.
 */
const WHOLE_PROMPT = new Set(['full_attention', 'mla_attention', 'sink_full_attention', 'full'])

/** A block that a worker tells of. */
export interface NewsBlock {
  /** Hash of the block and all before it. */
  readonly chained: number
  /** Where it ends in a prompt. */
  readonly endTokens: number
}

/** A block of a worker, whichever of its ranks hold it. */
interface HeldBlock extends NewsBlock {
  /** Hashes, of all ranks, that stand for it. */
  hashes: number
}

/** Where a prompt begins. */
const START: HeldBlock = { chained: 0, endTokens: 0, hashes: 0 }

/** Hears of the blocks of workers. Of a worker with several ranks a block is there as long as one of these holds it. */
export interface BlockNews {
  stored(worker: number, blocks: readonly NewsBlock[]): void
  removed(worker: number, blocks: readonly NewsBlock[]): void
  cleared(worker: number): void
}

/** Knows what workers publish. */
export class EventKnowledge implements KvKnowledge {
  /** What could not be taken in: blocks of another size than the router's. */
  foreignBlocks = 0
  /** Blocks in cache groups that do not look at all of a prompt. */
  otherGroupBlocks = 0
  /** Events that could not be read, or whose tokens are not those of their blocks. */
  unreadable = 0
  private readonly index = new KvEventIndex()
  private readonly blockTokens: number
  /** Owner in the index by worker and data-parallel rank, and back. */
  private readonly owners = new Map<number, Map<number, number>>()
  private readonly workers: number[] = []
  private matched = new Float64Array(0)
  /** Whether somebody wants the news: only then what they are made of is kept. */
  private isHeard = false
  /** By owner: each block by the engine's hash. */
  private readonly told: Map<number, HeldBlock>[] = []
  /** By worker: each block by its chained hash. */
  private readonly held = new Map<number, Map<number, HeldBlock>>()
  /** By owner: the kinds of its cache groups, as far as it has told them. */
  private readonly groupKinds: Map<number, string>[] = []
  private readonly news: () => BlockNews | undefined
  private readonly onForeignBlocks: CoreListener['onForeignBlocks']
  /** Workers whose blocks have another size. */
  private readonly foreign = new Set<number>()

  /**
   * @param news - who wants to hear of blocks at present, if anybody
   * @param onForeignBlocks - hears once of each worker whose blocks have another size
   */
  constructor(
    blockTokens: number,
    news: () => BlockNews | undefined,
    onForeignBlocks: CoreListener['onForeignBlocks'],
  ) {
    this.blockTokens = blockTokens
    this.news = news
    this.onForeignBlocks = onForeignBlocks
  }

  get size(): number {
    return this.index.size
  }

  /** Events that came to an outcome. */
  countOf(outcome: Parameters<KvEventIndex['countOf']>[0]): number {
    return this.index.countOf(outcome)
  }

  match(request: LiveRequest, _nowMs: number, out: Float64Array): void {
    out.fill(0)
    if (this.matched.length < this.workers.length) {
      this.matched = new Float64Array(this.workers.length * 2)
    }
    this.index.match(request.hashes.local, this.matched)
    for (let owner = 0; owner < this.workers.length; owner++) {
      const tokens = this.matched[owner]! * this.blockTokens
      const worker = this.workers[owner]!
      if (worker < out.length && tokens > out[worker]!) out[worker] = tokens
    }
  }

  sent(): void {}

  /** Its blocks have no ids: workers name them. */
  forgetBlocks(): void {}

  /** Takes in what a worker published. */
  apply(worker: number, { events, rank, unreadable = 0 }: KvEventBatch): void {
    const owner = this.ownerOf(worker, rank)
    this.lookWhoListens()
    this.unreadable += unreadable
    for (const event of events) this.applyOne(owner, event)
  }

  /** @param ofRank - the one rank that is forgotten; all of them if absent */
  forget(worker: number, ofRank?: number): void {
    for (const [rank, owner] of this.owners.get(worker) ?? []) {
      if (ofRank !== undefined && rank !== ofRank) continue
      this.clear(owner)
      this.groupKinds[owner]!.clear()
    }
  }

  /** Tells of all that workers hold, as if they stored it now. */
  tellAll(workers: readonly number[]): void {
    this.lookWhoListens()
    const news = this.news()
    for (const worker of workers) {
      // What begins a prompt comes before what goes on with it, as workers tell it.
      const blocks = [...(this.held.get(worker)?.values() ?? [])]
      if (blocks.length > 0)
        news?.stored(
          worker,
          blocks.sort((a, b) => a.endTokens - b.endTokens),
        )
    }
  }

  /** For who has begun to listen, what is held is found out; for who has ceased to, it is dropped. */
  private lookWhoListens(): void {
    const isHeard = this.news() !== undefined
    if (isHeard === this.isHeard) return
    this.isHeard = isHeard
    for (const [owner, worker] of this.workers.entries()) {
      this.told[owner]!.clear()
      this.held.get(worker)!.clear()
    }
    if (!isHeard) return
    for (const [owner, worker] of this.workers.entries()) {
      const blocks = this.index.fold(owner, START, (before, local) =>
        this.after(worker, before, local),
      )
      const held = this.held.get(worker)!
      // A block that came back after one before it was removed stands there twice.
      for (const [hash, block] of blocks) this.hold(owner, hash, held.get(block.chained) ?? block)
    }
  }

  private clear(owner: number): void {
    const worker = this.workers[owner]!
    this.index.clear(owner)
    const gone = this.lose(owner, [...this.told[owner]!.keys()])
    if (this.held.get(worker)!.size === 0) this.news()?.cleared(worker)
    else this.tellRemoved(worker, gone)
  }

  private applyOne(owner: number, event: KvEvent): void {
    if (event.kind === 'cleared') this.clear(owner)
    else if (!DEVICE.has(event.medium?.toUpperCase())) return
    else if (!this.isOfWholePrompt(owner, event)) this.otherGroupBlocks += event.hashes.length
    else if (event.kind === 'removed') {
      this.index.remove(owner, event.hashes)
      this.tellRemoved(this.workers[owner]!, this.lose(owner, event.hashes))
    } else if (event.blockTokens !== this.blockTokens) this.refuseSize(owner, event)
    else if (event.tokens.length !== event.hashes.length * event.blockTokens) this.unreadable++
    else {
      const { hashes, parent, tokens, blockTokens } = event
      const { local } = hashBlocks(tokens, blockTokens, event)
      const outcome = this.index.store(
        owner,
        parent,
        hashes.map((hash, i) => ({ hash, localHash: local[i]! })),
      )
      if (outcome === 'applied') this.gain(owner, parent, hashes, local)
    }
  }

  private refuseSize(
    owner: number,
    { hashes, blockTokens }: Extract<KvEvent, { kind: 'stored' }>,
  ): void {
    const worker = this.workers[owner]!
    this.foreignBlocks += hashes.length
    if (this.foreign.has(worker)) return
    this.foreign.add(worker)
    this.onForeignBlocks(worker, blockTokens)
  }

  /** Whether the group that an event is about counts; of the first, that of an engine with one, it need not be told. */
  private isOfWholePrompt(
    owner: number,
    { group = 0, groupKind }: Exclude<KvEvent, { kind: 'cleared' }>,
  ): boolean {
    const kinds = this.groupKinds[owner]!
    // The removal of a block tells the number alone.
    if (groupKind !== undefined) kinds.set(group, groupKind)
    const kind = groupKind ?? kinds.get(group)
    return kind === undefined ? group === 0 : WHOLE_PROMPT.has(kind)
  }

  /** A rank holds blocks; who wants news hears of those that its worker did not hold. */
  private gain(
    owner: number,
    parent: number | undefined,
    hashes: readonly number[],
    local: Float64Array,
  ): void {
    if (!this.isHeard) return
    const worker = this.workers[owner]!
    const told = this.told[owner]!
    let before = parent === undefined ? START : told.get(parent)
    if (before === undefined) return
    const added: HeldBlock[] = []
    const gone: NewsBlock[] = []
    for (const [i, hash] of hashes.entries()) {
      const block = this.after(worker, before, local[i]!)
      before = block
      const replaced = told.get(hash)
      if (replaced === block) continue
      if (replaced !== undefined) gone.push(...this.lose(owner, [hash]))
      if (this.hold(owner, hash, block)) added.push(block)
    }
    this.tellRemoved(worker, gone)
    if (added.length > 0) this.news()?.stored(worker, added)
  }

  /** The block of a worker that comes after another. */
  private after(worker: number, before: NewsBlock, local: number): HeldBlock {
    const chained = chainHash(before.chained, local)
    const endTokens = before.endTokens + this.blockTokens
    return this.held.get(worker)!.get(chained) ?? { chained, endTokens, hashes: 0 }
  }

  /** A hash of a rank stands for a block. @returns whether its worker did not hold it */
  private hold(owner: number, hash: number, block: HeldBlock): boolean {
    this.told[owner]!.set(hash, block)
    if (block.hashes++ > 0) return false
    this.held.get(this.workers[owner]!)!.set(block.chained, block)
    return true
  }

  /** A rank holds no more what these stand for. @returns what its worker holds no more */
  private lose(owner: number, hashes: readonly number[]): NewsBlock[] {
    const [told, held] = [this.told[owner]!, this.held.get(this.workers[owner]!)!]
    return hashes.flatMap((hash) => {
      const block = told.get(hash)
      told.delete(hash)
      if (block === undefined || --block.hashes > 0) return []
      held.delete(block.chained)
      return block
    })
  }

  private tellRemoved(worker: number, blocks: readonly NewsBlock[]): void {
    if (blocks.length > 0) this.news()?.removed(worker, blocks)
  }

  private ownerOf(worker: number, rank: number): number {
    let ranks = this.owners.get(worker)
    if (ranks === undefined) {
      ranks = new Map()
      this.owners.set(worker, ranks)
      this.held.set(worker, new Map())
    }
    let owner = ranks.get(rank)
    if (owner === undefined) {
      owner = this.workers.push(worker) - 1
      this.told.push(new Map())
      this.groupKinds.push(new Map())
      ranks.set(rank, owner)
    }
    return owner
  }
}
