import { RouteSimError } from '../../errors/routesim-error.js'
import { instantEnd } from '../../kernel/instant.js'
import { RandomStream } from '../../kernel/random-stream.js'
import type { KvListener } from '../../kv-cache/kv-listener.js'
import type { PromptRuns } from '../../requests/prompt-runs.js'
import type { BelievedPrefixes } from '../../routing/believed-prefixes.js'
import type { KvEvent } from '../../routing/routing-algorithm.js'
import type { DeliveredKvEvents } from '../../routing/visibility.js'
import type { Machinery } from '../machinery.js'
import { heardAtOnce, hookFailed } from '../routers/hook-failed.js'
import type { RouterReplica } from '../routers/router-replica.js'

/** A change of a KV cache, on its way to the routers. */
interface Change {
  readonly kind: 'stored' | 'removed' | 'cleared'
  readonly rank: number
  readonly node: number
  readonly fromTokens: number
  readonly toTokens: number
  readonly dueMs: number
}

/** Takes note of what changes in the KV caches, and tells the routers of it later. */
export class KvFeed implements KvListener {
  private readonly settings: DeliveredKvEvents
  private readonly machinery: Machinery
  private readonly replicas: readonly RouterReplica[]
  private readonly beliefs: readonly BelievedPrefixes[]
  private readonly random: readonly RandomStream[]
  private readonly runs: () => PromptRuns
  private readonly changes: Change[] = []
  private nextChange = 0
  private scheduledMs = Number.NEGATIVE_INFINITY
  private isOpen: boolean

  /** @throws RouteSimError `options_invalid` when the KV caches do not tell what changes */
  constructor(
    settings: DeliveredKvEvents,
    machinery: Machinery,
    replicas: readonly RouterReplica[],
    beliefs: readonly BelievedPrefixes[],
    seed: number,
    runs: () => PromptRuns,
  ) {
    this.settings = settings
    this.machinery = machinery
    this.replicas = replicas
    this.beliefs = beliefs
    this.runs = runs
    this.random = replicas.map((_, i) => new RandomStream(seed, `kv events ${i}`))
    this.isOpen = !settings.startsEmpty
    if (machinery.kv.listen === undefined) {
      throw new RouteSimError(
        'visibility.prefixes: expected KV caches that tell what changes in them, got some without listen()',
        {
          code: 'options_invalid',
          path: 'visibility.prefixes',
          hint: 'Use radixKvCache() or pagedKvCache(), or let prefixes be "live" or "none".',
        },
      )
    }
    machinery.kv.listen(this)
  }

  stored(backend: number, node: number, fromTokens: number, toTokens: number): void {
    this.add('stored', backend, node, fromTokens, toTokens)
  }

  removed(backend: number, node: number, fromTokens: number, toTokens: number): void {
    this.add('removed', backend, node, fromTokens, toTokens)
  }

  cleared(backend: number): void {
    if (this.settings.clearsOnRestart) this.add('cleared', backend, 0, 0, 0)
  }

  /** The measured part of the run begins: routers that start late start now. */
  measuringStarts(): void {
    this.isOpen = true
  }

  private add(
    kind: Change['kind'],
    rank: number,
    node: number,
    fromTokens: number,
    toTokens: number,
  ): void {
    if (!this.isOpen) return
    const { clock, loop, subjects } = this.machinery
    const dueMs = clock.nowMs + this.settings.delayMs
    this.changes.push({ kind, rank, node, fromTokens, toTokens, dueMs })
    if (dueMs === this.scheduledMs) return
    this.scheduledMs = dueMs
    loop.schedule(dueMs, subjects.kvDelivered)
  }

  /** Changes have arrived. */
  deliver(): void {
    const { changes } = this
    const endMs = instantEnd(this.machinery.clock.nowMs)
    const from = this.nextChange
    let to = from
    while (to < changes.length && changes[to]!.dueMs <= endMs) to++
    this.scheduledMs = Number.NEGATIVE_INFINITY
    for (let i = 0; i < this.replicas.length; i++) this.tell(i, from, to)
    this.nextChange = to
    if (to === changes.length) {
      changes.length = 0
      this.nextChange = 0
    } else if (to > 4096) {
      changes.splice(0, to)
      this.nextChange = 0
    }
  }

  private tell(replica: number, from: number, to: number): void {
    const belief = this.beliefs[replica]!
    const { router, views, cluster } = this.replicas[replica]!
    const { lossProbability } = this.settings
    const random = this.random[replica]!
    const told = new Map<number, KvEvent[]>()
    let isLost = false
    for (let i = from; i < to; i++) {
      const change = this.changes[i]!
      const { kind, rank, node, fromTokens, toTokens } = change
      // What a backend says at one time is one message, as engines publish the events of a step together.
      if (i === from || rank !== this.changes[i - 1]!.rank)
        isLost = lossProbability > 0 && random.float() < lossProbability
      if (isLost) continue
      if (kind === 'stored') belief.stored(rank, node, fromTokens, toTokens)
      else if (kind === 'removed') belief.removed(rank, node, fromTokens, toTokens)
      else belief.clear(rank)
      if (router.onKvEvents === undefined) continue
      const backend = this.machinery.backendOf(rank)
      const events = told.get(backend) ?? []
      told.set(backend, events)
      this.addEvents(change, belief, events)
    }
    try {
      for (const [backend, events] of told)
        if (events.length > 0) heardAtOnce(router.onKvEvents!(views[backend]!, events, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onKvEvents', undefined, cause)
    }
  }

  /** A change as routers hear of it: by the runs in which its blocks end. */
  private addEvents(
    { kind, rank, node, fromTokens, toTokens }: Change,
    belief: BelievedPrefixes,
    out: KvEvent[],
  ): void {
    if (kind === 'cleared') {
      out.push({ kind })
      return
    }
    const runs = this.runs()
    const { blockTokens } = this.machinery.specs[rank]!.kv
    const { prompts } = this.machinery.requests
    const at = out.length
    for (let part = node; part >= 0; part = prompts.parent[part]!) {
      if (prompts.endTokens[part]! <= fromTokens) break
      const kept = kind === 'removed' ? this.keptByOthers(belief, rank, part) : 0
      for (let run = runs.firstOf(part + 1) - 1; run >= runs.firstOf(part); run--) {
        const start = run === runs.firstOf(part) ? prompts.startTokens[part]! : runs.endOf(run - 1)
        const end = runs.endOf(run)
        const from = Math.max(fromTokens, start - (start % blockTokens), kept)
        const to = Math.min(toTokens, end - (end % blockTokens))
        if (to > from) out.push({ kind, id: run, fromTokens: from, toTokens: to })
      }
    }
    // From the start of the prompt on.
    const own = out.splice(at).reverse()
    out.push(...own)
  }

  /** How far other ranks of the same backend hold a node: of what these have, routers see one backend. */
  private keptByOthers(belief: BelievedPrefixes, rank: number, node: number): number {
    const { machinery } = this
    const [first, end] = machinery.ranksOf(machinery.backendOf(rank))
    let kept = 0
    for (let other = first; other < end; other++)
      if (other !== rank) kept = Math.max(kept, belief.endOn(other, node))
    return kept
  }
}
