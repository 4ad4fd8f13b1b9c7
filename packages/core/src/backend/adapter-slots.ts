import type { BackendSpec } from '../engine/simulation-options.js'
import type { AdapterState } from '../routing/cluster-view.js'
import type { FleetContext } from './fleet.js'

/** The adapters of one backend, by index among the strings of the requests. */
interface Adapters {
  readonly slots: number
  readonly loadMs: number
  /** Running requests of each adapter that has some. */
  readonly running: Map<number, number>
  /** When each adapter that is loaded and has none last had one, in ms. */
  readonly idle: Map<number, number>
  readonly waiting: Map<number, number>
  loads: number
}

/** Whether a backend has slots for LoRA adapters. */
export function hasAdapters({ adapters }: BackendSpec): boolean {
  return adapters !== undefined
}

/**
 * Which LoRA adapters each backend has on its GPUs. A request runs only while its adapter has a slot; an
 * adapter without running requests makes room for another, the least recently used first. Backends
 * without slots take whatever comes.
 */
export class AdapterSlots {
  private readonly backends: readonly (Adapters | undefined)[]
  private readonly context: FleetContext

  constructor(context: FleetContext) {
    this.context = context
    this.backends = context.specs.map(({ adapters }) =>
      adapters === undefined
        ? undefined
        : { ...adapters, running: new Map(), idle: new Map(), waiting: new Map(), loads: 0 },
    )
  }

  /** Whether a backend has slots at all. */
  has(backend: number): boolean {
    return this.backends[backend] !== undefined
  }

  /** Whether the adapter of a request has a slot, or could have one now. */
  hasRoom(backend: number, request: number): boolean {
    const own = this.backends[backend]
    const adapter = this.adapterOf(request)
    return own === undefined || adapter < 0 || own.running.has(adapter)
      ? true
      : own.running.size < own.slots
  }

  /** A request joins the batch. @returns time to load its adapter, in ms, 0 when it is loaded */
  join(backend: number, request: number): number {
    const own = this.backends[backend]
    const adapter = this.adapterOf(request)
    if (own === undefined || adapter < 0) return 0
    add(own.waiting, adapter, -1)
    add(own.running, adapter, 1)
    if (own.idle.delete(adapter) || own.running.get(adapter)! > 1) return 0
    if (own.running.size + own.idle.size > own.slots) own.idle.delete(leastRecent(own.idle))
    own.loads++
    return own.loadMs
  }

  /** A request leaves the batch. */
  leave(backend: number, request: number): void {
    const own = this.backends[backend]
    const adapter = this.adapterOf(request)
    if (own === undefined || adapter < 0) return
    add(own.running, adapter, -1)
    if (!own.running.has(adapter)) own.idle.set(adapter, this.context.clock.nowMs)
  }

  /** A request waits. */
  wait(backend: number, request: number): void {
    this.countWaiting(backend, request, 1)
  }

  /** A request waits no longer, and does not run either. */
  stopWaiting(backend: number, request: number): void {
    this.countWaiting(backend, request, -1)
  }

  /** A backend has failed: it comes back with empty slots. */
  clear(backend: number): void {
    const own = this.backends[backend]
    own?.running.clear()
    own?.idle.clear()
    own?.waiting.clear()
  }

  /** Adapters brought to the GPUs so far; undefined without slots. */
  loads(backend: number): number | undefined {
    return this.backends[backend]?.loads
  }

  /** What a backend tells about its adapters. */
  stateOf(backend: number): AdapterState | undefined {
    const own = this.backends[backend]
    if (own === undefined) return undefined
    const { strings } = this.context.requests
    const names = (adapters: Iterable<number>): string[] =>
      Array.from(adapters, (adapter) => strings[adapter]!).sort()
    return {
      slots: own.slots,
      loaded: names([...own.running.keys(), ...own.idle.keys()]),
      running: names(own.running.keys()),
      waiting: names(own.waiting.keys()),
    }
  }

  private countWaiting(backend: number, request: number, by: number): void {
    const own = this.backends[backend]
    const adapter = this.adapterOf(request)
    if (own !== undefined && adapter >= 0) add(own.waiting, adapter, by)
  }

  private adapterOf(request: number): number {
    return this.context.requests.adapter[request]!
  }
}

function add(counts: Map<number, number>, adapter: number, by: number): void {
  const count = (counts.get(adapter) ?? 0) + by
  if (count === 0) counts.delete(adapter)
  else counts.set(adapter, count)
}

/** The adapter idle for longest; of those that became so together the one named first in the requests. */
function leastRecent(idle: ReadonlyMap<number, number>): number {
  let least = -1
  let leastMs = Number.POSITIVE_INFINITY
  for (const [adapter, ms] of idle) {
    if (ms > leastMs || (ms === leastMs && adapter > least)) continue
    least = adapter
    leastMs = ms
  }
  return least
}
