import type { ClusterView, RequestView } from '@routesim/core'
import type { StringParameter } from '../definition/router-parameters.js'
import { PromptPath } from '../prompt/prompt-path.js'
import { BlockIndex, type BlockIndexLimits } from './block-index.js'

/** Where a router has its knowledge of prefix caches from. */
export type PrefixIndexKind = 'exact' | 'approximate'

/** The `index` parameter that routers with either kind of index share. */
export const indexParameter: StringParameter<PrefixIndexKind> & {
  readonly choices: readonly PrefixIndexKind[]
} = {
  default: 'exact',
  choices: ['exact', 'approximate'],
  description:
    'Whether cached prefixes are those that backends report, or those that this router sent there.',
}

/** How an approximate belief counts and forgets. */
export interface PrefixBeliefOptions extends BlockIndexLimits {
  /** Leading tokens of a prompt that are looked at. */
  readonly maxTokens: number
  /** Whether blocks after a gap count, see {@link BlockIndex}. */
  readonly countsAfterGaps: boolean
  /** Whether blocks are as large as the KV blocks of the first backend that is met, where those are larger. */
  readonly followsKvBlocks?: boolean
  /** Whether each backend's part has as many blocks as its KV cache, where that is known. */
  readonly fitsKvCache?: boolean
  /** How long what was sent is also believed to be there, whatever is reported, in ms; 0 or absent for not. */
  readonly predictedMs?: number
}

/**
 * What a router believes each backend holds of a prompt: what the cluster says, or what the router itself
 * sent there. O(backends), and one prefix match.
 */
export class PrefixBelief {
  private readonly kind: PrefixIndexKind
  private readonly isTold: boolean
  private index: BlockIndex | undefined
  /** What was sent a moment ago. */
  private predicted: BlockIndex | undefined
  private predictedTokens = new Float64Array(0)
  private limited: ArrayLike<number> | undefined
  private readonly options: PrefixBeliefOptions
  private readonly path = new PromptPath()
  private promptTokens = 0
  private matchedTokens = new Float64Array(0)
  private indexBlockTokens: number

  constructor(kind: PrefixIndexKind, options: PrefixBeliefOptions) {
    this.kind = kind
    this.options = options
    this.isTold = kind === 'exact' && !((options.predictedMs ?? 0) > 0)
    this.indexBlockTokens = options.blockTokens
  }

  /** Tokens in which what is believed is counted: those of a block of an approximate index, once one was asked; else 1. */
  get blockTokens(): number {
    return this.kind === 'exact' ? 1 : this.indexBlockTokens
  }

  /** Of how many {@link blockTokens} a prompt of so many tokens is, as far as it is looked at. */
  blocksOf(promptTokens: number): number {
    if (this.kind === 'exact') return promptTokens
    const { maxTokens, countsRests } = this.options
    const size = this.indexBlockTokens
    const blocks = promptTokens / size
    return Math.min(
      countsRests === true ? Math.ceil(blocks) : Math.floor(blocks),
      Math.floor(maxTokens / size),
    )
  }

  /** Leading tokens of the prompt that each backend is believed to hold, by id; valid until the next call. */
  matched(request: RequestView, cluster: ClusterView): ArrayLike<number> {
    if (this.isTold) return cluster.prefixMatch(request)
    this.read(request)
    this.open(cluster)
    const { index, path, predicted, promptTokens } = this
    const size = cluster.columns.waiting.length
    if (this.matchedTokens.length < size) this.matchedTokens = new Float64Array(size)
    if (this.kind === 'exact') this.matchedTokens.set(cluster.prefixMatch(request))
    else if (index !== undefined) {
      if (this.options.fitsKvCache === true) this.limit(index, cluster)
      const { nowMs } = cluster
      if (this.options.countsAfterGaps) {
        index.matchRuns(path, nowMs, this.matchedTokens, promptTokens)
      } else index.matchPrefix(path, nowMs, this.matchedTokens, promptTokens)
    }
    if (predicted !== undefined) this.predict(predicted, cluster.nowMs)
    cluster.notes?.believedTokens(this.matchedTokens)
    return this.matchedTokens
  }

  /** The request that was asked about last goes to a backend. */
  sent(backend: number, nowMs: number): void {
    this.index?.insert(this.path, backend, nowMs, this.promptTokens)
    this.predicted?.insert(this.path, backend, nowMs, this.promptTokens)
  }

  /** A request goes to a backend that was asked about some time ago, before others. */
  sentLater(request: RequestView, backend: number, nowMs: number): void {
    if (this.isTold) return
    this.read(request)
    this.sent(backend, nowMs)
  }

  /** Forgets runs whose ids will stand for other content; with a run all that begin with it. */
  forget(ids: ArrayLike<number>): void {
    this.index?.forget(ids)
    this.predicted?.forget(ids)
  }

  /** Reads as much of a prompt as is looked at. */
  private read(request: RequestView): void {
    request.promptPath(this.path)
    this.path.cutTo(this.options.maxTokens)
    this.promptTokens = request.promptTokens
  }

  /** What was sent a moment ago counts where it is more than what is known. */
  private predict(predicted: BlockIndex, nowMs: number): void {
    const { matchedTokens } = this
    if (this.predictedTokens.length < matchedTokens.length) {
      this.predictedTokens = new Float64Array(matchedTokens.length)
    }
    const { predictedTokens } = this
    predicted.matchPrefix(this.path, nowMs, predictedTokens, this.promptTokens)
    for (let id = 0; id < matchedTokens.length; id++) {
      if (predictedTokens[id]! > matchedTokens[id]!) matchedTokens[id] = predictedTokens[id]!
    }
  }

  /** Blocks have one size for good: those of another would be met by nothing. */
  private open({ backends }: ClusterView): void {
    const first = backends[0]
    if (this.index !== undefined || this.predicted !== undefined || first === undefined) return
    const { options, kind } = this
    const { blockTokens: least, followsKvBlocks, predictedMs = 0 } = options
    const kvBlockTokens = first.blockTokens
    this.indexBlockTokens = followsKvBlocks === true ? Math.max(least, kvBlockTokens) : least
    if (kind === 'approximate') {
      this.index = new BlockIndex({ ...options, blockTokens: this.indexBlockTokens })
    }
    if (predictedMs > 0) {
      this.predicted = new BlockIndex({
        blockTokens: kind === 'exact' ? kvBlockTokens : this.indexBlockTokens,
        capacityBlocks: Number.POSITIVE_INFINITY,
        ttlMs: predictedMs,
      })
    }
  }

  private limit(index: BlockIndex, { backends, ids }: ClusterView): void {
    if (ids === this.limited) return
    this.limited = ids
    for (const { id, kvTokens, blockTokens } of backends) {
      // Of 0 nobody knows how much room there is.
      if (kvTokens > 0) index.limit(id, Math.floor(kvTokens / blockTokens))
    }
  }
}
