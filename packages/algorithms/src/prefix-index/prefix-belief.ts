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
  /** Whether each backend's part is at most what its KV cache has room for, where that is known. */
  readonly fitsKvCache?: boolean
  /** How long what was sent is also believed to be there, whatever is reported, in ms; 0 or absent for not. */
  readonly predictedMs?: number
}

/**
 * What a router believes each backend holds of a prompt: what the cluster says, or what the router itself
 * sent there. O(backends), and one prefix match.
 */
export class PrefixBelief {
  private readonly index: BlockIndex | undefined
  /** What was sent a moment ago. */
  private readonly predicted: BlockIndex | undefined
  private predictedTokens = new Float64Array(0)
  private limited: ArrayLike<number> | undefined
  private readonly options: PrefixBeliefOptions
  private readonly path = new PromptPath()
  private matchedTokens = new Float64Array(0)

  constructor(kind: PrefixIndexKind, options: PrefixBeliefOptions) {
    this.options = options
    this.index = kind === 'exact' ? undefined : new BlockIndex(options)
    const { predictedMs = 0 } = options
    if (predictedMs > 0) {
      this.predicted = new BlockIndex({
        capacityTokens: Number.POSITIVE_INFINITY,
        ttlMs: predictedMs,
      })
    }
  }

  /** Leading tokens of the prompt that each backend is believed to hold, by id; valid until the next call. */
  matched(request: RequestView, cluster: ClusterView): ArrayLike<number> {
    const isTold = this.index === undefined && this.predicted === undefined
    if (!isTold) this.read(request)
    return this.matchedRead(request, cluster)
  }

  /** The same of a prompt that was read just now. */
  matchedRead(request: RequestView, cluster: ClusterView): ArrayLike<number> {
    const { index, path, predicted } = this
    if (predicted === undefined && index === undefined) return cluster.prefixMatch(request)
    const size = cluster.columns.waiting.length
    if (this.matchedTokens.length < size) this.matchedTokens = new Float64Array(size)
    if (index === undefined) this.matchedTokens.set(cluster.prefixMatch(request))
    else {
      if (this.options.fitsKvCache === true) this.limit(index, cluster)
      if (this.options.countsAfterGaps) index.matchRuns(path, cluster.nowMs, this.matchedTokens)
      else index.matchPrefix(path, cluster.nowMs, this.matchedTokens)
    }
    if (predicted !== undefined) this.predict(predicted, cluster.nowMs)
    cluster.notes?.believedTokens(this.matchedTokens)
    return this.matchedTokens
  }

  /** Reads as much of a prompt as is looked at, which is valid until the next is read. */
  read(request: RequestView): PromptPath {
    request.promptPath(this.path)
    this.path.cutTo(this.options.maxTokens)
    return this.path
  }

  /** The request that was read last goes to a backend. */
  sent(backend: number, nowMs: number): void {
    this.index?.insert(this.path, backend, nowMs)
    this.predicted?.insert(this.path, backend, nowMs)
  }

  /** A request goes to a backend that was read some time ago, before others. */
  sentLater(request: RequestView, backend: number, nowMs: number): void {
    if (this.index === undefined && this.predicted === undefined) return
    this.read(request)
    this.sent(backend, nowMs)
  }

  /** Forgets runs whose ids will stand for other content; with a run all that begin with it. */
  forget(ids: ArrayLike<number>): void {
    this.index?.forget(ids)
    this.predicted?.forget(ids)
  }

  /** What was sent a moment ago counts where it is more than what is known. */
  private predict(predicted: BlockIndex, nowMs: number): void {
    const { matchedTokens } = this
    if (this.predictedTokens.length < matchedTokens.length) {
      this.predictedTokens = new Float64Array(matchedTokens.length)
    }
    const { predictedTokens } = this
    predicted.matchPrefix(this.path, nowMs, predictedTokens)
    for (let id = 0; id < matchedTokens.length; id++) {
      if (predictedTokens[id]! > matchedTokens[id]!) matchedTokens[id] = predictedTokens[id]!
    }
  }

  private limit(index: BlockIndex, { backends, ids }: ClusterView): void {
    if (ids === this.limited) return
    this.limited = ids
    // Of 0 nobody knows how much room there is: all is kept.
    for (const { id, kvTokens } of backends) if (kvTokens > 0) index.limit(id, kvTokens)
  }
}
