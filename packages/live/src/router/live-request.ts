import type { PromptPathWriter, RequestView } from '@routesim/core'
import { type BlockHashes, type ExtraKeys, hashBlocks } from '../tokens/block-hashes.js'
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
  readonly hashes: BlockHashes
  private readonly blockTokens: number
  private readonly interner: BlockInterner
  private ids: Int32Array | undefined

  /** @param hashes - of the whole blocks of the prompt */
  constructor(
    facts: LiveRequestFacts,
    hashes: BlockHashes,
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

  promptPath(out: PromptPathWriter): void {
    out.clear()
    // The request has the same ids until its end: the blocks of those under way are not forgotten.
    this.ids ??= this.interner.intern(this.hashes.chained)
    for (let i = 0; i < this.ids.length; i++) out.push(this.ids[i]!, (i + 1) * this.blockTokens)
  }
}

/** Length of a prompt for routing algorithms, none of which reckons with an empty one. */
export function promptTokensOf({ tokens }: { readonly tokens: Uint32Array }): number {
  return Math.max(1, tokens.length)
}

/** Hashes of a prompt without its last token, which an engine always computes. */
export function promptHashes(
  tokens: Uint32Array,
  blockTokens: number,
  keys: ExtraKeys,
): BlockHashes {
  return hashBlocks(tokens.subarray(0, tokens.length - 1), blockTokens, keys)
}
