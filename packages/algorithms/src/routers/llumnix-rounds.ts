import type { ClusterView } from '@routesim/core'

const TIMER = 'llumnix moves'

/** Rounds at an interval from the first dispatch on, of which those are left out that nobody awaits. */
export class LlumnixRounds {
  /** Whether the next round will be made. */
  isAwaited = false
  private readonly intervalMs: number
  private firstMs = Number.NaN
  /** Number of the round that was awaited last. */
  private round = 0

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs
  }

  /** A request was sent: the first of them all is where rounds are counted from. */
  begin({ nowMs }: ClusterView): void {
    if (Number.isNaN(this.firstMs)) this.firstMs = nowMs
  }

  /** Has the next round made, once a request was sent. */
  await(cluster: ClusterView): void {
    const { firstMs, intervalMs } = this
    if (Number.isNaN(firstMs)) return
    const { nowMs } = cluster
    let round = Math.max(this.round, Math.floor((nowMs - firstMs) / intervalMs)) + 1
    // The division may round down to what is over already.
    while (firstMs + round * intervalMs <= nowMs) round++
    this.isAwaited = true
    this.round = round
    cluster.timer(TIMER, firstMs + round * intervalMs - nowMs)
  }

  /** A timer has gone off. @returns whether it is time for a round */
  isDue(timer: string): boolean {
    if (timer !== TIMER) return false
    this.isAwaited = false
    return true
  }
}
