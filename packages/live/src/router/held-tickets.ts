import { RouteSimError, type RoutingDecision } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'

/** Timers longer than this are cut, in ms. */
const LONGEST_MS = 2 ** 31 - 1

/** What ended the wait of a request that its router holds. */
export type Release = RoutingDecision | 'ask_again' | 'gone'

/** Requests that a routing algorithm holds, and the timers it has set. */
export class HeldTickets {
  /** Requests whose client has left while they were held. */
  private readonly left = new Set<number>()
  private readonly waiting = new Map<number, (release: Release) => void>()
  private readonly timers = new Map<string, NodeJS.Timeout>()

  /** Requests held. */
  get size(): number {
    return this.waiting.size
  }

  /** Waits until a request is released, or its time has come, or nobody waits for it any more. */
  wait(request: number, forMs: number, gone: AbortSignal): Promise<Release> {
    this.left.delete(request)
    return new Promise((resolve) => {
      const end = (release: Release): void => {
        this.waiting.delete(request)
        clearTimeout(timer)
        gone.removeEventListener('abort', onGone)
        resolve(release)
      }
      const onGone = (): void => {
        this.left.add(request)
        end('gone')
      }
      const timer = setTimeout(() => end('ask_again'), Math.min(LONGEST_MS, Math.max(0, forMs)))
      if (gone.aborted) onGone()
      else {
        gone.addEventListener('abort', onGone)
        this.waiting.set(request, end)
      }
    })
  }

  /** @throws RouteSimError `router_failed` when the request is not held */
  release(request: number, decision: RoutingDecision): void {
    const end = this.waiting.get(request)
    if (end === undefined) {
      // The algorithm may not have heard that nobody waits for it.
      if (this.left.delete(request)) return
      throw new RouteSimError<LiveErrorCode>(
        `release: expected a request that this router holds, got ${request}`,
        { code: 'router_failed' },
      )
    }
    end(decision)
  }

  /** Has all that is held decided anew: the algorithm is another now. */
  askAll(): void {
    for (const end of [...this.waiting.values()]) end('ask_again')
    this.stopTimers()
  }

  /** A timer; one of the same id that is running is set anew. */
  timer(id: string, delayMs: number, onDue: () => void): void {
    clearTimeout(this.timers.get(id))
    const timer = setTimeout(
      () => {
        this.timers.delete(id)
        onDue()
      },
      Math.min(LONGEST_MS, delayMs),
    )
    this.timers.set(id, timer)
  }

  stopTimers(): void {
    for (const timer of this.timers.values()) clearTimeout(timer)
    this.timers.clear()
  }
}
