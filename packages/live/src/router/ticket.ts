import type { RoutingAlgorithm } from '@routesim/core'
import type { LiveBackend } from './live-backend.js'
import type { LiveRequest } from './live-request.js'

/** A request under way, who decided about it, and where it counts. */
export class Ticket {
  readonly request: LiveRequest
  /** Workers that have failed it. */
  readonly tried: Set<LiveBackend> = new Set()
  /** Times it was sent. */
  attempt = 0
  algorithm: RoutingAlgorithm
  /** Who answers it, once another has computed its prompt if need be; undefined before it was sent. */
  decode: LiveBackend | undefined
  /** When its first token came, in ms; NaN when there was none. */
  firstTokenMs: number = Number.NaN
  private place: LiveBackend | undefined
  private isPending = false

  constructor(request: LiveRequest, algorithm: RoutingAlgorithm) {
    this.request = request
    this.algorithm = algorithm
  }

  /** Where it counts at present. */
  get at(): LiveBackend | undefined {
    return this.place
  }

  /** Where its first token is waited for. */
  get pendingAt(): LiveBackend | undefined {
    return this.isPending ? this.place : undefined
  }

  /** It counts at a worker. @param isPending - whether its first token is to come from there */
  enter(backend: LiveBackend, isPending: boolean): void {
    const { promptTokens, maxTokens, isStreamed } = this.request
    this.place = backend
    this.isPending = isPending
    backend.dispatched++
    backend.dispatchedSinceSample++
    backend.inFlight++
    backend.heldTokens += promptTokens + maxTokens
    if (!isPending) return
    backend.beforeFirstToken++
    if (!isStreamed) backend.beforeWholeAnswer++
    backend.pendingTokens += promptTokens
  }

  /** Its first token came, or its prompt is computed. */
  answered(): void {
    if (this.place === undefined || !this.isPending) return
    const { promptTokens, isStreamed } = this.request
    this.isPending = false
    this.place.beforeFirstToken--
    if (!isStreamed) this.place.beforeWholeAnswer--
    this.place.pendingTokens -= promptTokens
  }

  /** It counts nowhere. @returns where it counted */
  leave(): LiveBackend | undefined {
    const { place } = this
    if (place === undefined) return undefined
    const { promptTokens, maxTokens } = this.request
    this.answered()
    place.inFlight--
    place.heldTokens -= promptTokens + maxTokens
    this.place = undefined
    return place
  }
}
