import type { Clock } from '../../kernel/clock.js'

/** Times in one instant and per thing there is; built-in routers come to one or two. */
const MOST_AT_ONCE = 100

/** Notices what a router does so often in one instant that time would stand still for ever. */
export class StandstillGuard {
  private readonly clock: Clock
  private readonly most: number
  private count = 0
  private atMs = Number.NaN

  /** @param things - requests and the like that a router may do it for in one instant */
  constructor(clock: Clock, things: number) {
    this.clock = clock
    this.most = MOST_AT_ONCE * (10 + things)
  }

  /** It happens once more. @returns how often it has in this instant if that is too often, 0 otherwise */
  tooOften(): number {
    const { nowMs } = this.clock
    this.count = nowMs === this.atMs ? this.count + 1 : 0
    this.atMs = nowMs
    return this.count < this.most ? 0 : this.count
  }
}
