import { RouteSimError } from '../../errors/routesim-error.js'
import type { KvUsage } from '../../kv-cache/kv-cache.js'
import type { BackendReply } from '../../routing/routing-algorithm.js'
import type { Machinery } from '../machinery.js'
import { heardAtOnce, hookFailed } from './hook-failed.js'
import type { RouterReplica } from './router-replica.js'
import { StandstillGuard } from './standstill-guard.js'

/** A question of a router to a backend, on its way there or back. */
interface Query {
  readonly replica: RouterReplica
  readonly backend: number
  /** Whose prompt it is about, -1 for none. */
  readonly request: number
  readonly id: string
  readonly askedMs: number
  reply: BackendReply | undefined
}

/** What routers ask backends: a question takes half the time to get there, the answer the other half. */
export class Queries {
  private readonly machinery: Machinery
  private readonly delayMs: number
  private readonly guard: StandstillGuard
  /** All take the same time, so that each list is in the order in which they are due. */
  private readonly asked: Query[] = []
  private readonly answered: Query[] = []
  private readonly matched: Int32Array
  private readonly usage: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }

  /** @param delayMs - from a question to its answer */
  constructor(machinery: Machinery, backends: number, delayMs: number) {
    this.machinery = machinery
    this.delayMs = delayMs
    const { clock, progress } = machinery
    this.guard = new StandstillGuard(clock, backends * progress.outcome.length)
    this.matched = new Int32Array(backends)
  }

  /** Events yet to come. A router may ask for ever. */
  get pendingEvents(): number {
    return this.asked.length + this.answered.length
  }

  /** A router asks. @throws RouteSimError `router_invalid_query` when it does so for ever in one instant */
  ask(replica: RouterReplica, backend: number, id: string, request: number): void {
    const { machinery, delayMs } = this
    if (machinery.isOver) return
    const { nowMs } = machinery.clock
    const others = this.guard.tooOften()
    if (others > 0) throw endlessQueries(replica.router.name, nowMs, others)
    this.asked.push({ replica, backend, request, id, askedMs: nowMs, reply: undefined })
    machinery.loop.schedule(nowMs + delayMs / 2, machinery.subjects.questionArrived)
  }

  /** The oldest question is at its backend. */
  reached(): void {
    const { machinery, delayMs } = this
    const query = this.asked.shift()!
    if (machinery.isDown[query.backend] === 0) query.reply = this.replyTo(query)
    this.answered.push(query)
    machinery.loop.schedule(machinery.clock.nowMs + delayMs / 2, machinery.subjects.replyArrived)
  }

  /** The oldest answer is at its router. */
  delivered(): void {
    const { machinery } = this
    const { replica, backend, id, reply } = this.answered.shift()!
    if (machinery.isOver) return
    const { router, views, cluster } = replica
    machinery.refresh()
    try {
      heardAtOnce(router.onReply?.(id, views[backend]!, reply, cluster))
    } catch (cause) {
      throw hookFailed(router.name, 'onReply', undefined, cause)
    }
  }

  private replyTo({ backend, request, askedMs }: Query): BackendReply {
    const { machinery, matched, usage } = this
    machinery.refresh()
    const { fleet, kv, loads, clock } = machinery.truth
    fleet.sync(backend)
    kv.usage(backend, usage)
    if (request >= 0) {
      fleet.syncMatches(request)
      kv.match(request, matched)
    }
    return {
      askedMs,
      takenMs: clock.nowMs,
      waiting: loads.waiting[backend]!,
      running: loads.running[backend]!,
      kvUsage: usage.held / usage.total,
      matchedTokens: request >= 0 ? matched[backend]! : 0,
    }
  }
}

function endlessQueries(router: string, nowMs: number, others: number): RouteSimError {
  return new RouteSimError(
    `router "${router}": query(): expected time to move on, got one more after ${others} others at ${nowMs} ms`,
    {
      code: 'router_invalid_query',
      hint: 'Answers may take no time: ask again from a timer.',
    },
  )
}
