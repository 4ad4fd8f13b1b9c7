import type { Machinery } from './machinery.js'
import type { ProgressFeed } from './routers/progress-feed.js'
import type { RouterDesk } from './routers/router-desk.js'

/** How long requests may be held while nothing but timers and metrics goes on, in ms of virtual time. */
const MOST_IDLE_MS = 3_600_000

/** Notices that only timers still go off and metrics are polled, which would go on for ever. */
export class IdleWatch {
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private readonly progress: ProgressFeed | undefined
  /** When something other than a timer was last to come, in ms. */
  private movingMs = 0

  constructor(machinery: Machinery, desk: RouterDesk, progress: ProgressFeed | undefined) {
    this.machinery = machinery
    this.desk = desk
    this.progress = progress
  }

  /**
   * Ends the run when nothing is left that could happen.
   * @param endMs - when a request last ended
   * @returns true when routers have held requests for so long that they will for ever
   */
  isStuck(endMs: number): boolean {
    const { machinery, desk } = this
    const { loop, clock } = machinery
    const ticking =
      desk.timers.pendingEvents +
      desk.queries.pendingEvents +
      (desk.deliveries?.pendingEvents ?? 0) +
      (this.progress?.pendingEvents ?? 0)
    const asked = desk.hasAsked ? 1 : 0
    if (loop.isMoving || loop.pendingEvents > ticking + asked) {
      this.movingMs = clock.nowMs
      return false
    }
    // Moves may be refused, time and again: when they are carried out, it is seen what they come to.
    if (desk.hasAsked) return false
    if (desk.held.size === 0) {
      machinery.isOver = true
      return false
    }
    return clock.nowMs - Math.max(this.movingMs, endMs) >= MOST_IDLE_MS
  }
}
