import { type ClusterSpec, OnlineFleet, type OnlineListener } from '@routesim/core'

/** A timer waits no longer than this, in ms. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/**
 * The backends of a simulation in real time, or so many times as fast. Their own time is exact: a timer that
 * comes late delays the news of a step, not the steps that follow.
 */
export class PacedFleet {
  readonly fleet: OnlineFleet
  private readonly speedup: number
  private readonly startMs = performance.now()
  private readonly onAdvanced: () => void
  private timer: NodeJS.Timeout | undefined
  private timerMs = Number.POSITIVE_INFINITY

  /** @param onAdvanced - called when time has passed, after the listener has heard of everything */
  constructor(
    cluster: ClusterSpec,
    rows: number,
    speedup: number,
    listener: OnlineListener,
    onAdvanced: () => void,
  ) {
    this.fleet = new OnlineFleet({ cluster, rows, listener })
    this.speedup = speedup
    this.onAdvanced = onAdvanced
  }

  /** The fleet's time in ms: real time since the start, sped up. */
  get nowMs(): number {
    return (performance.now() - this.startMs) * this.speedup
  }

  /** The fleet's time that belongs to a time of the process's clock; not before what it has lived through. */
  timeAt(clockMs: number): number {
    const ms = (Math.min(clockMs, performance.now()) - this.startMs) * this.speedup
    return Math.max(ms, this.fleet.nowMs)
  }

  /** Does something to the fleet, at its present time unless another is given. */
  act<T>(action: (fleet: OnlineFleet, nowMs: number) => T, atMs: number = this.nowMs): T {
    const result = action(this.fleet, atMs)
    this.onAdvanced()
    this.arm()
    return result
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timerMs = Number.NEGATIVE_INFINITY
  }

  private arm(): void {
    const { nextMs } = this.fleet
    if (nextMs >= this.timerMs) return
    clearTimeout(this.timer)
    this.timerMs = nextMs
    // Timers count whole ms and round down: one that is early would have to be set, and waited for, again.
    const waitMs = Math.ceil((nextMs - this.nowMs) / this.speedup)
    this.timer = setTimeout(this.ring, Math.min(LONGEST_WAIT_MS, Math.max(0, waitMs)))
  }

  private readonly ring = (): void => {
    this.timerMs = Number.POSITIVE_INFINITY
    this.fleet.advance(this.nowMs)
    this.onAdvanced()
    this.arm()
  }
}
