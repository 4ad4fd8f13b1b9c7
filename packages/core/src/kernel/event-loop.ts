import { RouteSimError } from '../errors/routesim-error.js'
import { EventQueue } from './event-queue.js'

/** Does what an event says; may schedule more. */
export interface EventHandler {
  handle(kind: number, subject: number): void
}

/**
 * Virtual time: handles pending events in order of (time, kind, subject) and moves the clock along.
 * Nothing here reads a wall clock.
 */
export class EventLoop {
  private readonly queue = new EventQueue()
  private now = 0

  /** Virtual time in ms. */
  get nowMs(): number {
    return this.now
  }

  /**
   * Schedules an event. The kind is also its priority: at one time, lower kinds come first,
   * and of one kind lower subjects.
   * @throws RouteSimError `time_invalid` when the time is in the past or not a number
   */
  schedule(timeMs: number, kind: number, subject: number): void {
    if (!(timeMs >= this.now)) {
      throw new RouteSimError(`event at ${timeMs} ms: expected a time >= now, ${this.now} ms`, {
        code: 'time_invalid',
      })
    }
    this.queue.push(timeMs, kind, subject)
  }

  /**
   * Handles at most `maxEvents` events.
   * @returns true when none is left
   */
  run(handler: EventHandler, maxEvents: number): boolean {
    const queue = this.queue
    for (let i = 0; i < maxEvents; i++) {
      if (!queue.pop()) return true
      this.now = queue.timeMs
      handler.handle(queue.kind, queue.subject)
    }
    return queue.size === 0
  }
}
