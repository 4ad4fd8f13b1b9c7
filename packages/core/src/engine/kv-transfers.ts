import type { HandOver } from './hand-over.js'
import type { Machinery } from './machinery.js'

const NONE = -1

/** A KV cache that waits until both of its ends are free. */
interface WaitingTransfer {
  readonly request: number
  readonly durationMs: number
}

/**
 * KV caches on their way from where a prompt was computed to where it is decoded. Ends are backends: with
 * contention, each sends one at a time and receives one at a time.
 *
 * Layers that are sent while later ones are computed are two stages of a pipeline: of L layers that take C ms to
 * compute and X ms to send, max(X / L, X - C (L - 1) / L) is left to be sent when the last one is computed. Source:
 * layer-wise transfer of Splitwise (Patel et al., ISCA 2024) and of Mooncake (Qin et al., FAST 2025).
 */
export class KvTransfers {
  readonly handOver: HandOver
  private readonly machinery: Machinery
  private readonly isExclusive: boolean
  /** By backend: the request whose KV cache it receives, and who sends it; -1 for none. */
  private readonly received: Int32Array
  private readonly senderOf: Int32Array
  /** By backend: whether it sends. */
  private readonly isSending: Uint8Array
  /** By backend: until when it last sent, and received. */
  private readonly sentUntilMs: Float64Array
  private readonly receivedUntilMs: Float64Array
  /** By row: what has been sent ahead, in ms of the link. Empty without layers. */
  private readonly aheadMs: Float64Array
  /** By row of one that was sent again: how often it was put back before that. Empty without layers. */
  private readonly preemptedBefore: Int32Array
  private waiting: WaitingTransfer[] = []

  constructor(machinery: Machinery, handOver: HandOver, backends: number) {
    this.machinery = machinery
    this.handOver = handOver
    this.isExclusive = handOver.contention === 'exclusive'
    this.received = new Int32Array(backends).fill(NONE)
    this.senderOf = new Int32Array(backends).fill(NONE)
    this.isSending = new Uint8Array(backends)
    this.sentUntilMs = new Float64Array(backends)
    this.receivedUntilMs = new Float64Array(backends)
    const rows = handOver.overlaps ? machinery.requests.size : 0
    this.aheadMs = new Float64Array(rows)
    this.preemptedBefore = new Int32Array(rows)
  }

  /** A request is sent again. */
  retried(request: number): void {
    const { machinery, preemptedBefore } = this
    if (preemptedBefore.length > 0)
      preemptedBefore[request] = machinery.progress.preemptions[request]!
  }

  /**
   * The prompt of a request is computed, and it was known from the start where it would be decoded: layers have
   * gone ahead while both ends were free.
   */
  promptComputed(request: number): void {
    const { machinery, aheadMs, handOver, sentUntilMs, receivedUntilMs } = this
    if (aheadMs.length === 0) return
    aheadMs[request] = 0
    const { progress, requests, clock } = machinery
    const rank = progress.backend[request]!
    const layers = handOver.layersOf(rank)
    const putBackBefore = progress.attempts[request]! > 0 ? this.preemptedBefore[request]! : 0
    // One that was put back has lost what it had computed since it was admitted first.
    if (layers === 1 || progress.preemptions[request]! > putBackBefore) return
    const prefill = progress.prefillBackend[request]!
    const from = machinery.backendOf(prefill)
    const to = machinery.backendOf(rank)
    const startMs = progress.admittedMs[request]!
    let fromMs = startMs + (clock.nowMs - startMs) / layers
    if (this.isExclusive) {
      if (!this.areFree(from, to)) return
      fromMs = Math.max(fromMs, sentUntilMs[from]!, receivedUntilMs[to]!)
    }
    const wholeMs = handOver.bytesMs(requests.promptTokens[request]!, prefill, rank)
    const sentMs = Math.min(clock.nowMs - fromMs, (wholeMs * (layers - 1)) / layers)
    if (!(sentMs > 0)) return
    aheadMs[request] = sentMs
    sentUntilMs[from] = fromMs + sentMs
    receivedUntilMs[to] = fromMs + sentMs
  }

  /** The backend that decodes has room, and lacks the KV of some tokens. */
  start(request: number, tokens: number): void {
    const durationMs = this.durationMs(request, tokens)
    if (!this.isExclusive || durationMs === 0) this.begin(request, durationMs)
    else {
      const { progress } = this.machinery
      const from = this.machinery.backendOf(progress.prefillBackend[request]!)
      const to = this.machinery.backendOf(progress.backend[request]!)
      if (this.areFree(from, to)) this.occupy(request, durationMs, from, to)
      else this.waiting.push({ request, durationMs })
    }
  }

  /** A KV cache has arrived. */
  completed(request: number): void {
    if (this.isExclusive) this.release(request)
  }

  /** A request goes on no longer, whatever is on the way. @returns false when nothing was */
  cancel(request: number): boolean {
    const { machinery, aheadMs } = this
    if (aheadMs.length > 0) aheadMs[request] = 0
    if (machinery.cancel(machinery.subjects.transfer, request)) {
      if (this.isExclusive) this.release(request)
      return true
    }
    const before = this.waiting.length
    this.waiting = this.waiting.filter((each) => each.request !== request)
    return this.waiting.length < before
  }

  private durationMs(request: number, tokens: number): number {
    const { handOver, aheadMs } = this
    const { backend, prefillBackend } = this.machinery.progress
    const rank = backend[request]!
    const prefill = prefillBackend[request]!
    const durationMs = handOver.transferMs(tokens, prefill, rank)
    const goneMs = aheadMs[request] ?? 0
    if (goneMs === 0) return durationMs
    aheadMs[request] = 0
    if (tokens === 0) return durationMs
    const bytesMs = handOver.bytesMs(tokens, prefill, rank)
    const leftMs = Math.max(bytesMs / handOver.layersOf(rank), bytesMs - goneMs)
    return durationMs - bytesMs + leftMs
  }

  private begin(request: number, durationMs: number): void {
    const { progress, loop, clock } = this.machinery
    const { transferStartMs, transferEndMs } = progress
    const endMs = clock.nowMs + durationMs
    if (transferStartMs !== undefined) transferStartMs[request] = clock.nowMs
    if (transferEndMs !== undefined) transferEndMs[request] = endMs
    loop.schedule(endMs, this.machinery.subjects.transfer + this.machinery.ticketOf(request))
  }

  private areFree(from: number, to: number): boolean {
    return this.isSending[from] === 0 && this.received[to] === NONE
  }

  private occupy(request: number, durationMs: number, from: number, to: number): void {
    this.isSending[from] = 1
    this.received[to] = request
    this.senderOf[to] = from
    this.begin(request, durationMs)
  }

  /** Frees both ends of a transfer, and lets those begin that have waited for one of them. */
  private release(request: number): void {
    const { machinery, received, senderOf } = this
    const { progress, clock } = machinery
    const end = machinery.backendOf(progress.backend[request]!)
    // What needs no bytes has no ends.
    if (received[end] !== request) return
    const sender = senderOf[end]!
    received[end] = NONE
    this.isSending[sender] = 0
    this.receivedUntilMs[end] = clock.nowMs
    this.sentUntilMs[sender] = clock.nowMs
    this.waiting = this.waiting.filter(({ request: next, durationMs }) => {
      const from = machinery.backendOf(progress.prefillBackend[next]!)
      const to = machinery.backendOf(progress.backend[next]!)
      if (!this.areFree(from, to)) return true
      this.occupy(next, durationMs, from, to)
      return false
    })
  }
}
