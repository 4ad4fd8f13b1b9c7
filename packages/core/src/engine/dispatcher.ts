import { reservedShare, reservedTokens } from '../backend/engine-policies.js'
import type { BackendView } from '../routing/cluster-view.js'
import type { RoutingDecision } from '../routing/routing-algorithm.js'
import { invalidDecision, wrongModel } from './decision-errors.js'
import { HandOver } from './hand-over.js'
import type { Machinery } from './machinery.js'
import type { RouterDesk } from './router-desk.js'
import type { SimulationOptions } from './simulation-options.js'

/** Who is told of requests that are not sent on. */
export interface DecisionListener {
  requestRejected(request: number, reason: string): void
  requestHeld(request: number, untilMs: number): void
  /** A request was sent to a backend that is down. */
  requestRefused(request: number): void
  /** The KV cache of a request that went on elsewhere is there, or given up. */
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

  constructor(
    { cluster }: SimulationOptions,
    machinery: Machinery,
    desk: RouterDesk,
    listener: DecisionListener,
  ) {
    this.machinery = machinery
    this.desk = desk
    this.listener = listener
    const { specs, progress } = machinery
    this.handOver = new HandOver(specs, cluster.kvTransfer, progress)
    this.frontEndMs = Float64Array.from(specs, ({ frontEndMs = 0 }) => frontEndMs)
    this.reservedShare = Float64Array.from(specs, reservedShare)
  }

  /** Whether KV caches can go from one backend to another. */
  get canTransfer(): boolean {
    return this.handOver.canTransfer
  }

  dispatch(request: number, decision: RoutingDecision): void {
    if (decision?.kind === 'backend') this.send(request, decision, decision)
    else if (decision?.kind === 'disaggregate')
      this.send(request, decision.prefill, decision.decode)
    else if (decision?.kind === 'reject') this.listener.requestRejected(request, decision.reason)
    else if (decision?.kind === 'hold') this.listener.requestHeld(request, decision.untilMs)
    else throw invalidDecision(this.desk.name, request, decision)
  }

  private send(request: number, prefill: BackendView, decode: BackendView): void {
    const { machinery, desk } = this
    const { progress, ranks, loads } = machinery
    this.check(request, prefill, decode)
    const rank = ranks?.leastOutstanding(prefill.id, loads) ?? prefill.id
    // Which rank decodes is chosen when the prompt is computed.
    const decoding = prefill === decode ? rank : (ranks?.firstRank(decode.id) ?? decode.id)
    if (machinery.isDown[prefill.id]! + machinery.isDown[decode.id]! > 0) {
      this.listener.requestRefused(request)
    } else if (machinery.truth.loads.waiting[prefill.id]! >= prefill.maxQueueDepth) {
      this.listener.requestRejected(request, 'queue_full')
    } else if (!this.canEverFit(request, rank, decoding)) {
      this.listener.requestRejected(request, 'exceeds_kv_cache')
    } else {
      progress.prefillBackend[request] = rank
      progress.backend[request] = decoding
      machinery.fleet.accept(rank, request)
      desk.dispatched(request, prefill, decode)
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

  private check(request: number, prefill: BackendView, decode: BackendView): void {
    const { name } = this.desk
    const { views, models } = this.desk.replicaOf(request)
    if (views[prefill.id] !== prefill || views[decode.id] !== decode) {
      throw invalidDecision(name, request, { prefill: prefill.id, decode: decode.id })
    }
    if (models !== undefined) {
      for (const backend of [prefill, decode]) {
        if (!models.serves(backend, request))
          throw wrongModel(name, this.machinery.requests, request, backend)
      }
    }
    if (prefill !== decode) this.handOver.checkPair(name, prefill, decode)
  }

  /** A request is through the front end of its backend. */
  enqueue(request: number): void {
    const { machinery } = this
    const backend = machinery.progress.prefillBackend[request]!
    machinery.fleet.enqueue(backend, request)
    machinery.touch(backend)
  }

  /** Whether a request fits into the KV caches of the ranks that are to prefill and decode. */
  canEverFit(request: number, prefill: number, decode: number): boolean {
    const { kv, requests } = this.machinery
    const promptTokens = requests.promptTokens[request]!
    // The KV of the last output token is never needed.
    const allTokens = promptTokens + Math.max(1, requests.outputTokens[request]!) - 1
    if (!kv.canEverFit(decode, allTokens)) return false
    const share = this.reservedShare[decode]!
    if (share > 0 && !kv.canEverFit(decode, reservedTokens(requests, request, share))) return false
    return prefill === decode || kv.canEverFit(prefill, promptTokens)
  }

  /** The prompt of a disaggregated request is computed. */
  prefillFinished(request: number): void {
    const { progress, ranks, loads, fleet } = this.machinery
    progress.isHandedOver[request] = 1
    let decode = progress.backend[request]!
    if (ranks !== undefined) {
      decode = ranks.leastOutstanding(ranks.backendOf(decode), loads)
      progress.backend[request] = decode
    }
    this.desk.moved(request, progress.prefillBackend[request]!, decode)
    fleet.enqueueHandedOver(decode, request)
    this.machinery.touch(decode)
  }

  transferStarted(request: number, tokens: number): void {
    const { progress, loop, clock } = this.machinery
    const { transferStartMs, transferEndMs } = progress
    const endMs = clock.nowMs + this.handOver.transferMs(tokens, progress.backend[request]!)
    if (transferStartMs !== undefined) transferStartMs[request] = clock.nowMs
    if (transferEndMs !== undefined) transferEndMs[request] = endMs
    loop.schedule(endMs, this.machinery.ticketOf(request))
  }

  transferCompleted(request: number): void {
    const { progress, fleet } = this.machinery
    const prefill = progress.prefillBackend[request]!
    const decode = progress.backend[request]!
    fleet.releaseHandedOver(prefill, request)
    fleet.transferCompleted(decode, request)
    this.machinery.touch(prefill)
    this.machinery.touch(decode)
    this.listener.handOverEnded(request)
  }

  /**
   * Backends that both prefill and decode can wait for each other: every block of each is held for a
   * request that the other has no room for. Then the newest such request gives up its blocks and is
   * recomputed where it decodes.
   * @returns false when this is not what stopped the run
   */
  resolveDeadlock(): boolean {
    const { machinery } = this
    const { progress, fleet, loads, window } = machinery
    const { isHandedOver } = progress
    const request = window?.newestOf(isHandedOver) ?? isHandedOver.lastIndexOf(1)
    if (request < 0) return false
    this.handOver.giveUp(request)
    fleet.releaseHandedOver(progress.prefillBackend[request]!, request)
    for (let id = 0; id < loads.waiting.length; id++) machinery.touch(id)
    this.listener.handOverEnded(request)
    return true
  }
}
