import { OUTCOME, type RequestOutcomes } from '../engine/results/run-result.js'
import type { NativeColumns } from '../native/native-columns.js'

/** How far each request of a run is: the columns of its outcome, and what the engine needs beside. */
export class RequestProgress implements RequestOutcomes {
  readonly outcome: Uint8Array
  readonly backend: Int32Array
  readonly prefillBackend: Int32Array
  readonly admittedMs: Float64Array
  readonly firstTokenMs: Float64Array
  readonly finishedMs: Float64Array
  readonly cachedTokens: Int32Array
  readonly preemptions: Int32Array
  readonly rejectReason: Int32Array
  readonly attempts: Uint8Array
  /** Output tokens produced. */
  readonly emittedTokens: Int32Array
  /** Tokens of prompt and output whose KV the request's current backend has computed. */
  readonly computedTokens: Int32Array
  readonly lastTokenMs: Float64Array
  /** Tokens whose KV waits in host memory while the request does; empty when no backend swaps. */
  readonly swappedTokens: Int32Array
  /** Prompt tokens that came from lower tiers on the first admission; absent when no backend has any. */
  readonly loadedTokens?: Int32Array
  /** Tokens for which blocks are held since a load began, and where: -1 once it is over. As above. */
  readonly heldTokens: Int32Array
  readonly loadingOn: Int32Array
  /** When its KV cache set out for the backend that decodes, and arrived; absent where none is sent. */
  readonly transferStartMs?: Float64Array
  readonly transferEndMs?: Float64Array
  /** Order of the latest admission on its backend. */
  readonly admission: Int32Array
  /** Decode step of its backend in which the request will finish; below 0 once it decodes no longer. */
  readonly finishStep: Int32Array
  /** 1 while the KV cache of a computed prompt waits to be fetched by the decode backend. */
  readonly isHandedOver: Uint8Array
  /** 1 while its KV cache is on the way to the backend that will decode, which leaves it out of its steps. */
  readonly isTransferring: Uint8Array

  /**
   * @param swaps - whether any backend moves KV to host memory
   * @param loads - whether any backend has lower tiers
   * @param transfers - whether KV caches are sent from one backend to another
   * @param native - columns that the native engine writes
   */
  constructor(
    size: number,
    swaps = false,
    loads = false,
    transfers = false,
    native?: NativeColumns,
  ) {
    this.outcome = new Uint8Array(size).fill(OUTCOME.unfinished)
    this.backend = (native?.backend ?? new Int32Array(size)).fill(-1)
    this.prefillBackend = new Int32Array(size).fill(-1)
    this.admittedMs = (native?.admittedMs ?? new Float64Array(size)).fill(Number.NaN)
    this.firstTokenMs = (native?.firstTokenMs ?? new Float64Array(size)).fill(Number.NaN)
    this.finishedMs = new Float64Array(size).fill(Number.NaN)
    this.cachedTokens = native?.cachedTokens ?? new Int32Array(size)
    this.preemptions = native?.preemptions ?? new Int32Array(size)
    this.rejectReason = new Int32Array(size).fill(-1)
    this.attempts = new Uint8Array(size)
    this.emittedTokens = native?.emittedTokens ?? new Int32Array(size)
    this.computedTokens = native?.computedTokens ?? new Int32Array(size)
    this.swappedTokens = new Int32Array(swaps ? size : 0)
    if (loads) this.loadedTokens = new Int32Array(size)
    this.heldTokens = new Int32Array(loads ? size : 0)
    this.loadingOn = new Int32Array(loads ? size : 0).fill(-1)
    if (transfers) {
      this.transferStartMs = new Float64Array(size).fill(Number.NaN)
      this.transferEndMs = new Float64Array(size).fill(Number.NaN)
    }
    this.lastTokenMs = native?.lastTokenMs ?? new Float64Array(size)
    this.admission = native?.admission ?? new Int32Array(size)
    this.finishStep = native?.finishStep ?? new Int32Array(size)
    this.isHandedOver = native?.isHandedOver ?? new Uint8Array(size)
    this.isTransferring = native?.isTransferring ?? new Uint8Array(size)
  }

  /** Whether the prompt of a request is computed, and its router has still to say where it is decoded. */
  awaitsDecode(row: number): boolean {
    return (
      this.backend[row]! < 0 &&
      this.prefillBackend[row]! >= 0 &&
      !Number.isNaN(this.firstTokenMs[row]!)
    )
  }

  /** Makes a row ready for another request. */
  reset(row: number): void {
    this.forget(row)
    this.attempts[row] = 0
    this.preemptions[row] = 0
  }

  /** A request is to be sent once more. */
  retry(row: number): void {
    const attempts = Math.min(255, this.attempts[row]! + 1)
    this.forget(row)
    this.attempts[row] = attempts
  }

  private forget(row: number): void {
    this.outcome[row] = OUTCOME.unfinished
    this.backend[row] = -1
    this.prefillBackend[row] = -1
    this.admittedMs[row] = Number.NaN
    this.firstTokenMs[row] = Number.NaN
    this.finishedMs[row] = Number.NaN
    this.cachedTokens[row] = 0
    this.rejectReason[row] = -1
    this.emittedTokens[row] = 0
    this.computedTokens[row] = 0
    this.swappedTokens[row] = 0
    if (this.loadedTokens !== undefined) this.loadedTokens[row] = 0
    this.heldTokens[row] = 0
    this.loadingOn[row] = -1
    if (this.transferStartMs !== undefined) this.transferStartMs[row] = Number.NaN
    if (this.transferEndMs !== undefined) this.transferEndMs[row] = Number.NaN
    this.lastTokenMs[row] = 0
    this.admission[row] = 0
    this.finishStep[row] = 0
    this.isHandedOver[row] = 0
    this.isTransferring[row] = 0
  }
}
