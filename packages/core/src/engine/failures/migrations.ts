import type { FallibleFleet } from '../../backend/fleet.js'
import { RouteSimError } from '../../errors/routesim-error.js'
import type { BackendView } from '../../routing/cluster-view.js'
import { areOfOneModel } from '../../routing/one-model.js'
import type { MigrationMode } from '../../routing/routing-algorithm.js'
import type { Dispatcher } from '../dispatcher.js'
import type { Machinery } from '../machinery.js'
import { OUTCOME } from '../results/run-result.js'
import { invalidDecision, noBackend, wrongModel } from '../routers/decision-errors.js'
import type { RouterDesk } from '../routers/router-desk.js'

/** A move that a router has asked for. */
export interface AskedMigration {
  readonly request: number
  readonly to: BackendView
  readonly mode: MigrationMode
}

/** A request that is moved: until it is off its backend, and then until its KV cache has arrived. */
interface Move {
  /** Ranks. */
  readonly from: number
  readonly to: number
  readonly backend: BackendView
  /** Where its prompt was computed, as results say. */
  readonly prefill: number
  hasLeft: boolean
}

/**
 * Moves requests from one backend to another. One that waits goes at once; one that runs leaves when the
 * step under way is over. If it has answered, its KV cache follows: it goes on holding its blocks where it
 * was until the other backend has admitted it and has fetched what it lacks. Otherwise, or where the
 * router wants it so, it is computed anew. When the other backend has failed or is full by then, the
 * request goes back to the end of the queue it came from.
 */
export class Migrations {
  private readonly machinery: Machinery
  private readonly fleet: FallibleFleet
  private readonly desk: RouterDesk
  private readonly dispatcher: Dispatcher
  private readonly moves = new Map<number, Move>()

  constructor(
    machinery: Machinery,
    fleet: FallibleFleet,
    desk: RouterDesk,
    dispatcher: Dispatcher,
  ) {
    this.machinery = machinery
    this.fleet = fleet
    this.desk = desk
    this.dispatcher = dispatcher
  }

  /**
   * Begins a move, or refuses it, which the router is told.
   * @throws RouteSimError when the request could never go there
   */
  begin({ request, to: backend, mode }: AskedMigration): void {
    const { machinery, fleet, desk } = this
    const { progress, subjects } = machinery
    const from = progress.backend[request]!
    // Who asks in the instant in which it ends has heard of the end.
    if (progress.outcome[request] !== OUTCOME.unfinished) return
    if (from < 0) {
      const prefill = progress.prefillBackend[request]!
      if (prefill >= 0) desk.migrated(request, prefill, false)
      return
    }
    this.check(request, backend, mode)
    const isPair = progress.prefillBackend[request] !== from
    const hasAnswered = progress.emittedTokens[request]! > 0
    const isOnItsWay =
      progress.isHandedOver[request] === 1 || progress.isTransferring[request] === 1
    if (
      this.moves.has(request) ||
      isOnItsWay ||
      (isPair && !hasAnswered) ||
      machinery.backendOf(from) === backend.id ||
      !areOfOneModel(machinery.specs[from]!.model, backend.model)
    ) {
      desk.migrated(request, from, false)
      return
    }
    const to = this.rankOn(backend)
    if (!this.hasRoom(request, backend, to)) {
      desk.migrated(request, from, false)
      return
    }
    const prefill = progress.prefillBackend[request]!
    this.moves.set(request, { from, to, backend, prefill, hasLeft: false })
    // Blocks from lower tiers go on their way, to nobody.
    machinery.cancel(subjects.loaded, request)
    const isInFrontEnd = machinery.cancel(subjects.frontEnd, request)
    const isOff =
      mode === 'transfer' && !isInFrontEnd
        ? fleet.detach(from, request)
        : fleet.cancel(from, request)
    machinery.alarmMoved(from)
    if (isOff) this.left(request, isInFrontEnd)
  }

  /** A request that is moved is off its backend. @returns false when it is not moved at all */
  left(request: number, isInFrontEnd = false): boolean {
    const move = this.moves.get(request)
    if (move === undefined) return false
    const { machinery, desk } = this
    const { progress } = machinery
    const { from, to, backend } = move
    machinery.touch(from)
    move.hasLeft = true
    if (!this.hasRoom(request, backend, to)) {
      this.stay(request, move)
      return true
    }
    if (progress.isHandedOver[request] === 1) {
      progress.prefillBackend[request] = from
      progress.backend[request] = to
      desk.moved(request, from, to)
      this.dispatcher.waitForRoom(request, to)
      return true
    }
    const hasAnswered = progress.emittedTokens[request]! > 0
    if (hasAnswered) desk.moved(request, from, to)
    else desk.movedBeforeAnswer(request, from, to)
    this.queue(request, to, isInFrontEnd)
    this.end(request, true)
    return true
  }

  /** The KV cache of a request has arrived, or it is to be computed anew where it goes. */
  arrived(request: number): void {
    if (this.moves.has(request)) this.end(request, true)
  }

  /** Ranks have failed. @returns true when a request on its way to them is back where it came from */
  comesBack(request: number, isGone: (rank: number) => boolean): boolean {
    const move = this.moves.get(request)
    if (move === undefined || !move.hasLeft || !isGone(move.to) || isGone(move.from)) return false
    const { machinery, desk } = this
    machinery.transfers.cancel(request)
    machinery.progress.isTransferring[request] = 0
    machinery.progress.isHandedOver[request] = 1
    desk.moved(request, move.to, move.from)
    this.stay(request, move)
    return true
  }

  /** A request is moved no longer, as it has ended or is called off. */
  forget(request: number): void {
    const move = this.moves.get(request)
    if (move === undefined) return
    this.moves.delete(request)
    this.machinery.progress.prefillBackend[request] = move.prefill
  }

  /** Puts a request that is off its backend to the end of the queue there. */
  private stay(request: number, { from }: Move): void {
    const { machinery, fleet } = this
    const { progress } = machinery
    if (progress.isHandedOver[request] === 1) {
      fleet.releaseHandedOver(from, request)
      progress.isHandedOver[request] = 0
    }
    this.queue(request, from, false)
    this.end(request, false)
  }

  /** Lets a request wait for a rank that computes all of it that is known. */
  private queue(request: number, rank: number, isNew: boolean): void {
    const { machinery, fleet } = this
    const { progress } = machinery
    progress.computedTokens[request] = 0
    if (progress.swappedTokens.length > 0) progress.swappedTokens[request] = 0
    // What it was to load where it came from did not come.
    if (Number.isNaN(progress.admittedMs[request]!) && progress.loadedTokens !== undefined)
      progress.loadedTokens[request] = 0
    progress.backend[request] = rank
    if (progress.emittedTokens[request]! > 0) {
      fleet.enqueueHandedOver(rank, request)
      machinery.touch(rank)
      return
    }
    progress.prefillBackend[request] = rank
    this.moves.set(request, { ...this.moves.get(request)!, prefill: rank })
    fleet.accept(rank, request)
    if (isNew) this.dispatcher.enter(request, rank)
    else this.dispatcher.enqueue(request)
  }

  private end(request: number, hasMoved: boolean): void {
    this.forget(request)
    this.desk.migrated(request, this.machinery.progress.backend[request]!, hasMoved)
  }

  private rankOn({ id }: BackendView): number {
    const { ranks, loads } = this.machinery
    return ranks?.leastOutstanding(id, loads) ?? id
  }

  private hasRoom(request: number, { id, maxQueueDepth }: BackendView, to: number): boolean {
    const { isDown, truth } = this.machinery
    this.machinery.refresh()
    return (
      isDown[id] === 0 &&
      truth.loads.waiting[id]! < maxQueueDepth &&
      this.dispatcher.canEverFit(request, to, to)
    )
  }

  private check(request: number, to: BackendView, mode: MigrationMode): void {
    const { desk, machinery } = this
    const { views, models } = desk.replicaOf(request)
    if (to?.kind !== 'backend') throw noBackend(desk.name, request, 'migrate()', to)
    if (views[to.id] !== to || (mode !== 'transfer' && mode !== 'recompute'))
      throw invalidDecision(desk.name, request, { migrate: to, mode })
    if (models !== undefined && !models.serves(to, request))
      throw wrongModel(desk.name, machinery.requests, request, to)
    const hasAnswered = machinery.progress.emittedTokens[request]! > 0
    if (to.role === (hasAnswered ? 'prefill' : 'decode')) {
      throw new RouteSimError(
        `router "${desk.name}": migrate(${request}): expected a backend that can ${hasAnswered ? 'decode' : 'prefill'}, got ${to.id} (${to.role})`,
        { code: 'router_invalid_migration' },
      )
    }
    if (mode === 'transfer' && !machinery.transfers.handOver.canTransfer) {
      throw new RouteSimError(
        `router "${desk.name}" migrates a request, but the cluster has no way to transfer a KV cache`,
        {
          code: 'transfer_missing',
          hint: "Give the cluster a kvTransfer, or migrate with 'recompute'.",
        },
      )
    }
  }
}

/** A router asks for moves without saying that it does. */
export function undeclaredMigration(router: string): RouteSimError {
  return new RouteSimError(`router "${router}": migrate(): expected a router with migrates: true`, {
    code: 'router_invalid_migration',
    hint: 'Give the algorithm the property migrates: true; runs without it need no backends that let requests go.',
  })
}

/** A router moves requests about for ever in one instant. */
export function endlessMigrations(router: string, nowMs: number, others: number): RouteSimError {
  return new RouteSimError(
    `router "${router}": migrate(): expected time to move on, got one more after ${others} others at ${nowMs} ms`,
    {
      code: 'router_invalid_migration',
      hint: 'A move may take no time: ask for the next one from a timer.',
    },
  )
}
