import { BlockIndex, KvEventIndex, PromptPath } from '@routesim/algorithms'
import type { KvEvent, KvEventBatch } from '../kv-events/kv-event.js'
import { chainHash, hashBlocks } from '../tokens/block-hashes.js'
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

/** Hears of the blocks of workers. */
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
  /** By owner: each block by the engine's hash; only when somebody wants the news. */
  private readonly told: Map<number, NewsBlock>[] = []
  /** By owner: the kinds of its cache groups, as far as it has told them. */
  private readonly groupKinds: Map<number, string>[] = []
  private readonly news: () => BlockNews | undefined

  /** @param news - who wants to hear of blocks at present, if anybody */
  constructor(blockTokens: number, news: () => BlockNews | undefined) {
    this.blockTokens = blockTokens
    this.news = news
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
    this.unreadable += unreadable
    for (const event of events) this.applyOne(owner, event)
  }

  forget(worker: number): void {
    for (const owner of this.owners.get(worker)?.values() ?? []) {
      this.clear(owner)
      this.groupKinds[owner]!.clear()
    }
  }

  private clear(owner: number): void {
    this.index.clear(owner)
    this.told[owner]!.clear()
    this.news()?.cleared(this.workers[owner]!)
  }

  private applyOne(owner: number, event: KvEvent): void {
    if (event.kind === 'cleared') this.clear(owner)
    else if (!DEVICE.has(event.medium?.toUpperCase())) return
    else if (!this.isOfWholePrompt(owner, event)) this.otherGroupBlocks += event.hashes.length
    else if (event.kind === 'removed') {
      this.index.remove(owner, event.hashes)
      this.tellRemoved(owner, event.hashes)
    } else if (event.blockTokens !== this.blockTokens) this.foreignBlocks += event.hashes.length
    else if (event.tokens.length !== event.hashes.length * event.blockTokens) this.unreadable++
    else {
      const { hashes, parent, tokens, blockTokens } = event
      const { local } = hashBlocks(tokens, blockTokens, event)
      this.index.store(
        owner,
        parent,
        hashes.map((hash, i) => ({ hash, localHash: local[i]! })),
      )
      this.tellStored(owner, parent, hashes, local)
    }
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

  private tellStored(
    owner: number,
    parent: number | undefined,
    hashes: readonly number[],
    local: Float64Array,
  ): void {
    const news = this.news()
    if (news === undefined) return
    const known = this.told[owner]!
    let before = parent === undefined ? { chained: 0, endTokens: 0 } : known.get(parent)
    if (before === undefined) return
    const blocks: NewsBlock[] = []
    for (let i = 0; i < hashes.length; i++) {
      before = {
        chained: chainHash(before.chained, local[i]!),
        endTokens: before.endTokens + this.blockTokens,
      }
      known.set(hashes[i]!, before)
      blocks.push(before)
    }
    news.stored(this.workers[owner]!, blocks)
  }

  private tellRemoved(owner: number, hashes: readonly number[]): void {
    const news = this.news()
    if (news === undefined) return
    const known = this.told[owner]!
    const blocks = hashes.flatMap((hash) => known.get(hash) ?? [])
    for (const hash of hashes) known.delete(hash)
    news.removed(this.workers[owner]!, blocks)
  }

  private ownerOf(worker: number, rank: number): number {
    let ranks = this.owners.get(worker)
    if (ranks === undefined) {
      ranks = new Map()
      this.owners.set(worker, ranks)
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
