import type { Machinery } from './machinery.js'

const NONE = -1

/**
 * Backends that both prefill and decode, or between which requests are moved, can wait for each other: the
 * memory of each is held for requests that others have no room for. It shows when a backend has no step to
 * start though requests wait there; the newest request in such a circle is then recomputed where it decodes.
 */
export class MemoryDeadlocks {
  private readonly machinery: Machinery
  /** Requests that hold blocks where they were computed, and perhaps some that no longer do. */
  private readonly handedOver = new Set<number>()
  /** By rank: whether it was last left without a step though requests wait there. */
  private readonly isIdle: Uint8Array
  /** By rank: whether it can only go on when another of these does. */
  private readonly isStuck: Uint8Array
  private isDue = false

  constructor(machinery: Machinery) {
    this.machinery = machinery
    this.isIdle = new Uint8Array(machinery.specs.length)
    this.isStuck = new Uint8Array(machinery.specs.length)
  }

  /** A request whose blocks are held where they were computed waits for room elsewhere. */
  waits(request: number): void {
    this.handedOver.add(request)
  }

  /** Its KV cache has arrived. */
  arrived(request: number): void {
    this.handedOver.delete(request)
  }

  /** A rank may start a step at the end of this instant. */
  touched(rank: number): void {
    this.isIdle[rank] = 0
  }

  /** A rank has no step to start. */
  idles(rank: number): void {
    const { loads, specs, progress } = this.machinery
    if (this.handedOver.size === 0 || loads.waiting[rank] === 0) return
    // Nobody hands over to those; and who loads from a lower tier goes on by itself.
    if (specs[rank]!.role === 'prefill' || progress.loadingOn.includes(rank)) return
    this.isIdle[rank] = 1
    this.look()
  }

  /**
   * Finds who waits for each other, and lets the newest request of them be recomputed.
   * @returns the request, -1 for none
   */
  resolve(): number {
    const { machinery, handedOver } = this
    const { fleet, transfers, progress } = machinery
    this.isDue = false
    this.findStuck()
    const request = this.newest()
    if (request === NONE) return NONE
    const prefill = progress.prefillBackend[request]!
    handedOver.delete(request)
    transfers.cancel(request)
    transfers.handOver.giveUp(request)
    fleet.releaseHandedOver(prefill, request)
    machinery.touch(prefill)
    machinery.touch(progress.backend[request]!)
    // There may be another circle, of which these two are no part.
    this.look()
    return request
  }

  /** Looks when all backends have had their turn in this instant. */
  private look(): void {
    if (this.isDue) return
    this.isDue = true
    const { loop, clock, subjects } = this.machinery
    loop.schedule(clock.nowMs, subjects.stuck)
  }

  /** Who idles, but for those whose blocks will come free, and for whom these wait, and so on. */
  private findStuck(): void {
    const { handedOver, isStuck } = this
    const { isHandedOver, isTransferring, prefillBackend, backend } = this.machinery.progress
    isStuck.set(this.isIdle)
    for (const request of handedOver) {
      if (isTransferring[request] === 1) {
        isStuck[prefillBackend[request]!] = 0
        isStuck[backend[request]!] = 0
      } else if (isHandedOver[request] === 0) handedOver.delete(request)
    }
    for (let isSettled = false; !isSettled; ) {
      isSettled = true
      for (const request of handedOver) {
        const from = prefillBackend[request]!
        if (isStuck[from] === 0 || isStuck[backend[request]!] === 1) continue
        isStuck[from] = 0
        isSettled = false
      }
    }
  }

  /** The newest request that a backend that is stuck has handed over to another. */
  private newest(): number {
    const { machinery, isStuck } = this
    const { prefillBackend } = machinery.progress
    let newest = NONE
    for (const request of this.handedOver) {
      if (isStuck[prefillBackend[request]!] === 0) continue
      if (newest === NONE || machinery.ordinalOf(request) > machinery.ordinalOf(newest))
        newest = request
    }
    return newest
  }
}
