import type { FallibleFleet } from '../../backend/fleet.js'
import type { Machinery } from '../machinery.js'
import type { RouterDesk } from '../routers/router-desk.js'
import type { SimulationOptions } from '../simulation-options.js'
import type { BackendEvent } from './backend-event.js'
import type { LostRequests } from './lost-requests.js'

/** Makes the events of a run's backends happen, and lets routers see them. */
export class BackendLife {
  /** In order of time. */
  private readonly events: readonly BackendEvent[]
  private readonly healthDelayMs: number
  private readonly machinery: Machinery
  private readonly fleet: FallibleFleet
  private readonly desk: RouterDesk
  private readonly lost: LostRequests

  constructor(
    { events = [], visibility }: SimulationOptions,
    machinery: Machinery,
    fleet: FallibleFleet,
    desk: RouterDesk,
    lost: LostRequests,
  ) {
    this.events = [...events].sort((a, b) => a.atMs - b.atMs)
    this.healthDelayMs = visibility?.healthDelayMs ?? 0
    this.machinery = machinery
    this.fleet = fleet
    this.desk = desk
    this.lost = lost
    for (const backend of absentAtFirst(this.events)) {
      machinery.isDown[backend] = 1
      desk.setListed(backend, false)
    }
    this.events.forEach(({ atMs }, i) => {
      machinery.loop.schedule(atMs, machinery.subjects.backendEvent(i, this.events.length))
    })
  }

  /** The i-th event happens, or routers see it. */
  due(subject: number): void {
    const { machinery, events, healthDelayMs } = this
    if (machinery.isOver) return
    const i = machinery.subjects.backendEventOf(subject, events.length)
    const event = events[i % events.length]!
    if (i >= events.length) {
      this.show(i - events.length)
      return
    }
    this.happen(event)
    if (healthDelayMs === 0) this.show(i)
    else {
      const seen = machinery.subjects.backendEvent(i + events.length, events.length)
      machinery.loop.schedule(machinery.clock.nowMs + healthDelayMs, seen)
    }
  }

  private happen({ kind, backend, factor = 1 }: BackendEvent): void {
    const { machinery, fleet } = this
    const [from, to] = machinery.ranksOf(backend)
    if (kind === 'fail') {
      machinery.isDown[backend] = 1
      const requests = this.lost.on(from, to)
      for (let rank = from; rank < to; rank++) {
        fleet.fail(rank)
        machinery.caches!.clear(rank)
        machinery.loop.alarmCleared(rank)
      }
      machinery.promptsTogether?.clear(from)
      for (const request of requests) this.lost.lose(request, from, to)
    } else if (kind === 'recover' || kind === 'add') {
      machinery.isDown[backend] = 0
    } else if (kind === 'remove') {
      machinery.isDown[backend] = 1
    } else if (kind === 'slow') {
      machinery.slowable[backend]!.factor = factor
      for (let rank = from; rank < to; rank++) {
        fleet.cut(rank)
        machinery.alarmMoved(rank)
      }
    }
  }

  /** Routers learn of the i-th event. */
  private show(i: number): void {
    const { desk } = this
    const { kind, backend } = this.events[i]!
    if (kind === 'fail' || kind === 'drain') {
      desk.setHealthy(backend, false)
      desk.backendChanged(backend, 'unhealthy')
    } else if (kind === 'recover') {
      const wasLost = this.hasFailedBefore(i)
      desk.setHealthy(backend, true)
      desk.backendChanged(backend, wasLost ? 'restarted' : 'healthy')
    } else if (kind === 'add') {
      // It may have failed or been drained before it left.
      desk.setHealthy(backend, true)
      desk.setListed(backend, true)
      desk.backendChanged(backend, 'added')
    } else if (kind === 'remove') {
      desk.setListed(backend, false)
      desk.backendChanged(backend, 'removed')
    }
  }

  /** Whether what the backend of the i-th event recovers from is a failure. */
  private hasFailedBefore(i: number): boolean {
    const { backend } = this.events[i]!
    const before = this.events
      .slice(0, i)
      .findLast(({ kind, backend: of }) => of === backend && (kind === 'fail' || kind === 'drain'))
    return before?.kind === 'fail'
  }
}

/** Backends of which the first event is that they are added. */
function absentAtFirst(events: readonly BackendEvent[]): number[] {
  const first = new Map<number, BackendEvent>()
  for (const event of events) if (!first.has(event.backend)) first.set(event.backend, event)
  return [...first.values()].filter(({ kind }) => kind === 'add').map(({ backend }) => backend)
}
