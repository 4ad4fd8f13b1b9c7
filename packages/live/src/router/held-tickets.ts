import type { RoutingDecision } from '@routesim/core'

/** Timers longer than this are cut, in ms. */
const LONGEST_MS = 2 ** 31 - 1

/** What ended the wait of a request that its router holds. */
export type Release = RoutingDecision | 'ask_again' | 'gone'

/** Requests that a routing algorithm holds, and the timers it has set. */
export class HeldTickets {
  private readonly waiting = new Map<number, (release: Release) => void>()
  private readonly timers = new Map<string, NodeJS.Timeout>()

  /** Requests held. */
  get size(): number {
    return this.waiting.size
  }

  /** Waits until a request is released, or its time has come, or nobody waits for it any more. */
  wait(request: number, forMs: number, gone: AbortSignal): Promise<Release> {
    return new Promise((resolve) => {
      const end = (release: Release): void => {
        this.waiting.delete(request)
        clearTimeout(timer)
        gone.removeEventListener('abort', onGone)
        resolve(release)
      }
      const onGone = (): void => end('gone')
      const timer = setTimeout(() => end('ask_again'), Math.min(LONGEST_MS, Math.max(0, forMs)))
      if (gone.aborted) onGone()
      else {
        gone.addEventListener('abort', onGone)
        this.waiting.set(request, end)
      }
    })
  }

  /** Lets a request go, if it is held: its client may have left in this instant. */
  release(request: number, decision: RoutingDecision): void {
    this.waiting.get(request)?.(decision)
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
