import type { PromptPathWriter, RequestView } from '@routesim/core'
import { type BlockHashes, chainHash, type ExtraKeys, hashBlocks } from '../tokens/block-hashes.js'
import type { BlockInterner } from '../tokens/block-interner.js'

/** What a {@link LiveRequest} is made of. */
export interface LiveRequestFacts {
  /** A number that no other request under way has. */
  readonly id: number
  readonly arrivalMs: number
  readonly promptTokens: number
  readonly maxTokens: number
  readonly session: string | undefined
  readonly user: string | undefined
  readonly tenant: string | undefined
  readonly model: string | undefined
  readonly adapter: string | undefined
  readonly priority: number
  /** Whether its answer comes token by token, so that its first token is seen before its end. */
  readonly isStreamed: boolean
}

/** What the content of a prompt is named by. */
export interface PromptHashes extends BlockHashes {
  /** Of the whole prompt, where it goes on after its last whole block. */
  readonly whole?: number
  /** Of its first tokens, or of all where it has fewer: equal for equal ones; -1 where none is known. */
  head(tokens: number): number
}

/** A request under way as routing algorithms see it, in simulations and here. */
export class LiveRequest implements RequestView {
  readonly id: number
  readonly arrivalMs: number
  readonly promptTokens: number
  readonly maxTokens: number
  readonly session: string | undefined
  readonly user: string | undefined
  readonly tenant: string | undefined
  readonly model: string | undefined
  readonly adapter: string | undefined
  /** No client declares one. */
  readonly ttftSloMs: undefined
  readonly priority: number
  readonly isStreamed: boolean
  /** All whole blocks, as a record of it declares them, of whose prompt its worker told no other length. */
  readonly prefixTokens: number
  /** Times it was sent to a worker and came back. */
  attempt = 0
  readonly hashes: PromptHashes
  private readonly blockTokens: number
  private readonly interner: BlockInterner
  private ids: Int32Array | undefined

  constructor(
    facts: LiveRequestFacts,
    hashes: PromptHashes,
    blockTokens: number,
    interner: BlockInterner,
  ) {
    this.id = facts.id
    this.arrivalMs = facts.arrivalMs
    this.promptTokens = facts.promptTokens
    this.maxTokens = facts.maxTokens
    this.session = facts.session
    this.user = facts.user
    this.tenant = facts.tenant
    this.model = facts.model
    this.adapter = facts.adapter
    this.priority = facts.priority
    this.isStreamed = facts.isStreamed
    this.prefixTokens = hashes.chained.length * blockTokens
    this.hashes = hashes
    this.blockTokens = blockTokens
    this.interner = interner
  }

  /** What the worker that it goes to has to serve. */
  get servedName(): string | undefined {
    return this.adapter ?? this.model
  }

  /** Length of its prompt as its worker tells it, or the estimate. @param told - NaN when it did not */
  lengthTold(told: number): number {
    return told >= 1 ? told : this.promptTokens
  }

  /** Hashes of all runs of the prompt: those of its whole blocks, and of the prompt itself where it goes on. */
  get runHashes(): Float64Array {
    const { chained, whole } = this.hashes
    if (whole === undefined) return chained
    const all = new Float64Array(chained.length + 1)
    all.set(chained)
    all[chained.length] = whole
    return all
  }

  promptPath(out: PromptPathWriter): void {
    this.blockPath(out)
    const { ids, promptTokens } = this
    if (this.hashes.whole !== undefined) out.push(ids![ids!.length - 1]!, promptTokens)
  }

  /** Writes the whole blocks that an engine may find in its cache. */
  blockPath(out: PromptPathWriter): void {
    out.clear()
    // The request has the same ids until its end: the blocks of those under way are not forgotten.
    this.ids ??= this.interner.intern(this.runHashes)
    const blocks = this.hashes.chained.length
    for (let i = 0; i < blocks; i++) out.push(this.ids[i]!, (i + 1) * this.blockTokens)
  }

  promptHead(tokens: number): number {
    return this.hashes.head(tokens)
  }
}

/** Length of a prompt for routing algorithms, none of which reckons with an empty one. */
export function promptTokensOf({ tokens }: { readonly tokens: Uint32Array }): number {
  return Math.max(1, tokens.length)
}

/** Hashes of a prompt: of its blocks without its last token, which an engine always computes. */
export function promptHashes(
  tokens: Uint32Array,
  blockTokens: number,
  keys: ExtraKeys,
): PromptHashes {
  const blocks = hashBlocks(tokens.subarray(0, tokens.length - 1), blockTokens, keys)
  const head = (count: number): number => {
    const length = Math.min(count, tokens.length)
    // Of a prompt that is given as embeddings nobody knows what it shares.
    return length === 0 ? -1 : hashBlocks(tokens.subarray(0, length), length, keys).chained[0]!
  }
  return {
    ...blocks,
    ...(tokens.length > 0 && { whole: wholeHash(tokens, blocks, blockTokens, keys) }),
    head,
  }
}

/** The hash of a prompt, which is that of no block: it is chained to the length. */
function wholeHash(
  tokens: Uint32Array,
  { chained }: BlockHashes,
  blockTokens: number,
  { adapter, cacheSalt }: ExtraKeys,
): number {
  const rest = tokens.subarray(chained.length * blockTokens)
  // A salt is in the first block already, where there is one.
  const salt = chained.length === 0 ? cacheSalt : undefined
  const [local] = hashBlocks(rest, rest.length, { adapter, cacheSalt: salt }).local
  return chainHash(chainHash(chained.at(-1) ?? 0, local!), tokens.length)
}

/** Those of a prompt of which a client tells the blocks alone: a head is the block in which it ends. */
export function toldHashes(local: readonly number[], blockTokens: number): PromptHashes {
  let before = 0
  const chained = Float64Array.from(local, (hash) => {
    before = chainHash(before, hash)
    return before
  })
  const head = (count: number): number => chained[Math.ceil(count / blockTokens) - 1] ?? before
  return { local: Float64Array.from(local), chained, head }
}
