import type { Machinery } from './machinery.js'
import type { Holds } from './routers/holds.js'
import type { ProgressFeed } from './routers/progress-feed.js'
import type { RouterDesk } from './routers/router-desk.js'

/**
 * How long requests may be held while nothing goes on but timers, metrics, and questions to routers that hold
 * them again, in ms of virtual time.
 */
const MOST_IDLE_MS = 3_600_000

/** Notices that only timers still go off, and the like, which would go on for ever. */
export class IdleWatch {
  private readonly machinery: Machinery
  private readonly desk: RouterDesk
  private readonly holds: Holds
  private readonly progress: ProgressFeed | undefined
  /** When something other than a timer was last to come, in ms. */
  private movingMs = 0

  constructor(
    machinery: Machinery,
    desk: RouterDesk,
    holds: Holds,
    progress: ProgressFeed | undefined,
  ) {
    this.machinery = machinery
    this.desk = desk
    this.holds = holds
    this.progress = progress
  }

  /**
   * Ends the run when nothing is left that could happen.
   * @param endMs - when a request last ended
   * @returns true when routers have held requests for so long that they will for ever
   */
  isStuck(endMs: number): boolean {
    const { machinery, desk, holds } = this
    const { loop, clock } = machinery
    const ticking =
      desk.timers.pendingEvents +
      desk.queries.pendingEvents +
      (desk.deliveries?.pendingEvents ?? 0) +
      (this.progress?.pendingEvents ?? 0) +
      holds.pendingEvents +
      desk.pendingActions
    if (loop.isMoving || loop.pendingEvents > ticking) {
      this.movingMs = clock.nowMs
      return false
    }
    // What is let go may be held again, and moves be refused: it is seen when they are carried out.
    if (desk.pendingActions > 0) return false
    if (desk.held.size === 0) {
      machinery.isOver = true
      return false
    }
    return clock.nowMs - Math.max(this.movingMs, endMs, holds.promisedMs) >= MOST_IDLE_MS
  }
}
