import type { FleetState } from './fleet-state.js'

/**
 * Decodes that wait while a backend computes prompts. Their sums are put aside, so that to everything
 * else the step has no decodes.
 */
export class PausedDecodes {
  private readonly state: FleetState
  private readonly paused: Uint8Array
  private readonly gaps: Uint8Array
  private readonly latestMs: Float64Array
  private readonly decodes: Int32Array
  private readonly measured: Int32Array
  private readonly sharing: Int32Array
  private readonly contextTokens: Float64Array

  constructor(state: FleetState, backends: number) {
    this.state = state
    this.paused = new Uint8Array(backends)
    this.gaps = new Uint8Array(backends)
    this.latestMs = new Float64Array(backends)
    this.decodes = new Int32Array(backends)
    this.measured = new Int32Array(backends)
    this.sharing = new Int32Array(backends)
    this.contextTokens = new Float64Array(backends)
  }

  isPaused(backend: number): boolean {
    return this.paused[backend] === 1
  }

  /** Decodes that are paused. */
  decodesOf(backend: number): number {
    return this.decodes[backend]!
  }

  /** There are no decodes any more. */
  forget(backend: number): void {
    this.gaps[backend] = 0
  }

  /** Whether there was a pause since decodes last got tokens. */
  hasGap(backend: number): boolean {
    return this.gaps[backend] === 1
  }

  /** When those decodes that have had a step together got their latest tokens, in ms. */
  latestTokenMs(backend: number): number {
    return this.latestMs[backend]!
  }

  tokensCame(backend: number, atMs: number): void {
    this.gaps[backend] = 0
    this.latestMs[backend] = atMs
  }

  pause(backend: number): void {
    const batch = this.state.batches[backend]!
    this.paused[backend] = 1
    if (batch.decodes > 0) this.gaps[backend] = 1
    this.decodes[backend] = batch.decodes
    this.measured[backend] = batch.measured
    this.sharing[backend] = batch.sharing
    this.contextTokens[backend] = batch.contextTokens
    batch.decodes = 0
    batch.measured = 0
    batch.sharing = 0
    batch.contextTokens = 0
  }

  restore(backend: number): void {
    const batch = this.state.batches[backend]!
    this.paused[backend] = 0
    batch.decodes = this.decodes[backend]!
    batch.measured = this.measured[backend]!
    batch.sharing = this.sharing[backend]!
    batch.contextTokens = this.contextTokens[backend]!
  }
}
