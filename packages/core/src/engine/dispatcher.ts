import { lengthLimit, reservedShare, reservedTokens } from '../backend/engine-policies.js'
import type { BackendView } from '../routing/cluster-view.js'
import { areOfOneModel } from '../routing/one-model.js'
import type { RoutingDecision } from '../routing/routing-algorithm.js'
import type { HandOver } from './hand-over.js'
import type { Machinery } from './machinery.js'
import { OUTCOME } from './results/run-result.js'
import {
  invalidDecision,
  invalidPrefill,
  noBackend,
  wrongModel,
  wrongRole,
} from './routers/decision-errors.js'
import type { RouterDesk } from './routers/router-desk.js'

/** The rank that decodes, as long as nobody has chosen one. */
const UNDECIDED = -1

/** Who is told of requests that are not sent on. */
export interface DecisionListener {
  requestRejected(request: number, reason: string): void
  requestHeld(request: number, untilMs: number): void
  /** A request that has its first token goes on nowhere. */
  requestEnded(request: number, outcome: number, reason: string): void
  /** A request was sent to a backend that is down. */
  requestRefused(request: number): void
  /** The KV cache of a request that went on elsewhere is there. */
  handOverEnded(request: number): void
}

/** Carries out what routers decide, and moves KV caches from prefill to decode. */
export class Dispatcher {
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private readonly listener: DecisionListener
  private readonly handOver: HandOver
  private readonly frontEndMs: Float64Array
  private readonly reservedShare: Float64Array
  private readonly lengthLimit: Float64Array
  /** Ranks that can decode. */
  private readonly decoding: readonly number[]

  constructor(machinery: Machinery, desk: RouterDesk, listener: DecisionListener) {
    this.machinery = machinery
    this.desk = desk
    this.listener = listener
    const { specs, transfers } = machinery
    this.handOver = transfers.handOver
    this.frontEndMs = Float64Array.from(specs, ({ frontEndMs = 0 }) => frontEndMs)
    this.reservedShare = Float64Array.from(specs, reservedShare)
    this.lengthLimit = Float64Array.from(specs, lengthLimit)
    this.decoding = [...specs.keys()].filter((rank) => specs[rank]!.role !== 'prefill')
  }

  /** Carries out what a router has said of a request that comes, or whose prompt is computed. */
  dispatch(request: number, decision: RoutingDecision): void {
    if (this.machinery.progress.awaitsDecode(request)) this.goOn(request, decision)
    else if (decision?.kind === 'backend') this.send(request, decision, decision)
    else if (decision?.kind === 'disaggregate') {
      this.checkNamed(request, 'disaggregate()', decision.prefill)
      this.checkNamed(request, 'disaggregate()', decision.decode)
      this.send(request, decision.prefill, decision.decode)
    } else if (decision?.kind === 'prefill') {
      this.checkNamed(request, 'prefillOn()', decision.prefill)
      this.send(request, decision.prefill, undefined)
    } else if (decision?.kind === 'reject') this.listener.requestRejected(request, decision.reason)
    else if (decision?.kind === 'hold') this.listener.requestHeld(request, decision.untilMs)
    else throw invalidDecision(this.desk.name, request, decision)
  }

  /** @param decode - undefined when that is decided later */
  private send(request: number, prefill: BackendView, decode: BackendView | undefined): void {
    const { machinery, desk } = this
    const { progress, ranks, loads, isDown } = machinery
    this.check(request, prefill, decode)
    // Others may have been sent since a router looked.
    machinery.refresh()
    const rank = ranks?.leastOutstanding(prefill.id, loads) ?? prefill.id
    // Which rank decodes is chosen when the prompt is computed.
    const decoding =
      prefill === decode ? rank : decode === undefined ? UNDECIDED : this.firstRank(decode)
    if (isDown[prefill.id] === 1 || (decode !== undefined && isDown[decode.id] === 1)) {
      this.listener.requestRefused(request)
    } else if (machinery.truth.loads.waiting[prefill.id]! >= prefill.maxQueueDepth) {
      this.listener.requestRejected(request, 'queue_full')
    } else if (!this.canEverFit(request, rank, decoding)) {
      this.listener.requestRejected(request, this.tooLong(request, rank, decoding))
    } else {
      progress.prefillBackend[request] = rank
      progress.backend[request] = decoding
      machinery.fleet.accept(rank, request)
      desk.dispatched(request, prefill, decode ?? prefill)
      this.enter(request, rank)
    }
  }

  /** A request that was accepted goes through the front end of a rank. */
  enter(request: number, rank: number): void {
    const { loop, clock, subjects } = this.machinery
    const frontEndMs = this.frontEndMs[rank]!
    if (frontEndMs === 0) this.enqueue(request)
    else {
      const subject = subjects.frontEnd + this.machinery.ticketOf(request)
      loop.schedule(clock.nowMs + frontEndMs, subject)
    }
  }

  private check(request: number, prefill: BackendView, decode: BackendView | undefined): void {
    const { desk } = this
    this.checkBackend(request, prefill)
    if (decode === undefined) {
      if (prefill.role !== 'prefill' || desk.replicaOf(request).router.routeDecode === undefined)
        throw invalidPrefill(desk.name, prefill)
      this.handOver.checkLink(desk.name)
    } else if (prefill !== decode) {
      this.checkBackend(request, decode)
      this.handOver.checkPair(desk.name, prefill, decode)
    } else if (prefill.role !== 'both') throw wrongRole(desk.name, prefill)
  }

  /** @throws RouteSimError when a call was given something else than a backend */
  private checkNamed(request: number, call: string, backend: BackendView): void {
    if (backend?.kind !== 'backend') throw noBackend(this.desk.name, request, call, backend)
  }

  /** @throws RouteSimError when a backend is none of the cluster, or does not serve a request */
  private checkBackend(request: number, backend: BackendView): void {
    const { desk } = this
    const { views, models } = desk.replicaOf(request)
    if (views[backend.id] !== backend) throw invalidDecision(desk.name, request, backend)
    if (models !== undefined && !models.serves(backend, request))
      throw wrongModel(desk.name, this.machinery.requests, request, backend)
  }

  private firstRank({ id }: BackendView): number {
    return this.machinery.ranks?.firstRank(id) ?? id
  }

  /** A router has said where a request goes on whose prompt is computed. */
  private goOn(request: number, decision: RoutingDecision): void {
    const { machinery, desk } = this
    const { progress, isDown, truth } = machinery
    machinery.refresh()
    if (decision?.kind === 'hold') this.listener.requestHeld(request, decision.untilMs)
    else if (decision?.kind === 'reject') this.giveUp(request, decision.reason)
    else if (decision?.kind !== 'backend') throw invalidDecision(desk.name, request, decision)
    else {
      const prefill = progress.prefillBackend[request]!
      this.checkBackend(request, decision)
      this.handOver.checkPair(desk.name, this.viewOf(request, prefill), decision)
      const rank = this.firstRank(decision)
      if (isDown[decision.id] === 1) this.giveUp(request, 'backend_unreachable')
      else if (truth.loads.waiting[decision.id]! >= decision.maxQueueDepth)
        this.giveUp(request, 'queue_full')
      else if (!this.canEverFit(request, prefill, rank))
        this.giveUp(request, `exceeds_${this.exceeded(request, prefill, rank)}`)
      else {
        progress.backend[request] = rank
        this.handOverTo(request, rank)
      }
    }
  }

  private viewOf(request: number, rank: number): BackendView {
    return this.desk.replicaOf(request).views[this.machinery.backendOf(rank)]!
  }

  /** A request whose prompt is computed goes on nowhere. */
  giveUp(request: number, reason: string): void {
    const { machinery, desk } = this
    const prefill = machinery.progress.prefillBackend[request]!
    machinery.fleet.releaseHandedOver(prefill, request)
    machinery.touch(prefill)
    desk.finished(request, prefill)
    this.listener.requestEnded(request, OUTCOME.failed, reason)
  }

  /** A request is through the front end of its backend. */
  enqueue(request: number): void {
    const { machinery } = this
    const backend = machinery.progress.prefillBackend[request]!
    machinery.fleet.enqueue(backend, request)
    machinery.touch(backend)
  }

  /** Whether a request is not too long for the ranks that are to prefill and decode, or for any that can. */
  canEverFit(request: number, prefill: number, decode: number): boolean {
    if (prefill !== decode && !this.canPrefill(request, prefill)) return false
    if (decode !== UNDECIDED) return this.canDecode(request, decode)
    return this.decoding.some((rank) => this.canDecode(request, rank))
  }

  /** Why a request is too long for where it was sent: for all that it may go to, or for what the router chose. */
  private tooLong(request: number, prefill: number, decode: number): string {
    const { requests, specs } = this.machinery
    const wanted = requests.strings[requests.model[request]!]
    const isServed = (rank: number): boolean => areOfOneModel(specs[rank]!.model, wanted)
    const hasPrefill = [...specs.keys()].some(
      (rank) => specs[rank]!.role !== 'decode' && isServed(rank) && this.canPrefill(request, rank),
    )
    const fits = this.decoding.some((rank) => isServed(rank) && this.canDecode(request, rank))
    const exceeded = this.exceeded(request, prefill, decode)
    return hasPrefill && fits ? `exceeds_chosen_${exceeded}` : `exceeds_${exceeded}`
  }

  /** What a request that is too long exceeds where it was sent; engines look at its length first. */
  private exceeded(request: number, prefill: number, decode: number): string {
    const isWithin =
      (prefill === decode || this.isPromptWithin(request, prefill)) &&
      (decode === UNDECIDED ? this.decoding : [decode]).some((rank) => this.isWithin(request, rank))
    return isWithin ? 'kv_cache' : 'max_model_len'
  }

  private canPrefill(request: number, rank: number): boolean {
    const { kv, requests } = this.machinery
    return (
      this.isPromptWithin(request, rank) && kv.canEverFit(rank, requests.promptTokens[request]!)
    )
  }

  private canDecode(request: number, rank: number): boolean {
    const { kv, requests } = this.machinery
    if (!this.isWithin(request, rank)) return false
    // The KV of the last output token is never needed.
    const allTokens =
      requests.promptTokens[request]! + Math.max(1, requests.outputTokens[request]!) - 1
    if (!kv.canEverFit(rank, allTokens)) return false
    const share = this.reservedShare[rank]!
    return share === 0 || kv.canEverFit(rank, reservedTokens(requests, request, share))
  }

  /** Whether a rank that only prefills takes a request: of it for one token. */
  private isPromptWithin(request: number, rank: number): boolean {
    return this.machinery.requests.promptTokens[request]! < this.lengthLimit[rank]!
  }

  private isWithin(request: number, rank: number): boolean {
    return reservedTokens(this.machinery.requests, request, 1) < this.lengthLimit[rank]!
  }

  /** The prompt of a disaggregated request is computed. */
  prefillFinished(request: number): void {
    const { progress, transfers, clock } = this.machinery
    const decode = progress.backend[request]!
    if (decode >= 0) {
      transfers.promptComputed(request)
      this.handOverTo(request, decode)
    } else {
      // The router is asked when all steps that end now have ended.
      this.listener.requestHeld(request, clock.nowMs)
    }
  }

  /** @param rank - any of the backend that decodes */
  private handOverTo(request: number, rank: number): void {
    const { progress, ranks, loads } = this.machinery
    const decode = ranks?.leastOutstanding(ranks.backendOf(rank), loads) ?? rank
    progress.isHandedOver[request] = 1
    progress.backend[request] = decode
    this.desk.handedOver(request, progress.prefillBackend[request]!, decode)
    this.waitForRoom(request, decode)
  }

  /** A request whose blocks are held where they were computed waits for a rank to have room for it. */
  waitForRoom(request: number, rank: number): void {
    const { machinery } = this
    machinery.fleet.enqueueHandedOver(rank, request)
    machinery.deadlocks?.waits(request)
    machinery.touch(rank)
  }

  transferCompleted(request: number): void {
    const { progress, fleet, transfers } = this.machinery
    transfers.completed(request)
    const prefill = progress.prefillBackend[request]!
    const decode = progress.backend[request]!
    fleet.releaseHandedOver(prefill, request)
    fleet.transferCompleted(decode, request)
    this.machinery.touch(prefill)
    this.machinery.touch(decode)
    this.listener.handOverEnded(request)
  }
}
