import { RouteSimError } from '../../errors/routesim-error.js'
import { invalidOption } from '../option-checks.js'
import type { SimulationOptions } from '../simulation-options.js'
import type { BackendEvent, BackendEventKind } from './backend-event.js'

type State = 'absent' | 'up' | 'draining' | 'down' | 'removed'

/** What each event needs, and leads to. */
const MOVES: Readonly<Record<BackendEventKind, { from: readonly State[]; to?: State }>> = {
  add: { from: ['absent', 'removed'], to: 'up' },
  remove: { from: ['up', 'draining', 'down'], to: 'removed' },
  fail: { from: ['up', 'draining'], to: 'down' },
  recover: { from: ['down', 'draining'], to: 'up' },
  drain: { from: ['up'], to: 'draining' },
  slow: { from: ['up', 'draining', 'down', 'removed'] },
}

/** Checks what is to happen to backends and requests. @throws RouteSimError `options_invalid` */
export function checkLife({ cluster, events = [], retries, timeoutMs }: SimulationOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs < Number.POSITIVE_INFINITY))
    throw invalidOption('timeoutMs', 'a number > 0', timeoutMs)
  if (retries !== undefined) {
    const { attempts, backoffMs } = retries
    if (!(Number.isInteger(attempts) && attempts >= 0 && attempts <= 255))
      throw invalidOption('retries.attempts', 'an integer from 0 to 255', attempts)
    if (!(backoffMs >= 0 && backoffMs < Number.POSITIVE_INFINITY))
      throw invalidOption('retries.backoffMs', 'a number >= 0', backoffMs)
  }
  checkBackendEvents(events, cluster.backends.length)
}

/**
 * Checks what is to happen to the backends of a fleet: times, ids, and that each event can follow those
 * before it, so that one that is down does not fail.
 *
 * @param backends - how many the fleet has
 * @throws RouteSimError `options_invalid`, with the path of the event
 */
export function checkBackendEvents(events: readonly BackendEvent[], backends: number): void {
  events.forEach(({ atMs, backend, kind, factor }, i) => {
    const path = `events[${i}]`
    if (!(atMs >= 0 && atMs < Number.POSITIVE_INFINITY))
      throw invalidOption(`${path}.atMs`, 'a number >= 0', atMs)
    if (!(Number.isInteger(backend) && backend >= 0 && backend < backends)) {
      throw invalidOption(`${path}.backend`, `the id of a backend, 0 to ${backends - 1}`, backend)
    }
    if (!Object.hasOwn(MOVES, kind))
      throw invalidOption(`${path}.kind`, `one of ${Object.keys(MOVES).join(', ')}`, kind)
    if (
      kind === 'slow' &&
      !(factor !== undefined && factor > 0 && factor < Number.POSITIVE_INFINITY)
    )
      throw invalidOption(`${path}.factor`, 'a number > 0 with slow', factor)
    if (kind !== 'slow' && factor !== undefined)
      throw invalidOption(`${path}.factor`, `nothing with ${kind}`, factor)
  })
  checkOrder(events)
}

/** A backend that is down can not fail, and so on. */
function checkOrder(events: readonly BackendEvent[]): void {
  const states = new Map<number, State>()
  const ordered = events
    .map((event, i) => ({ event, i }))
    .sort((a, b) => a.event.atMs - b.event.atMs)
  for (const { event } of ordered) {
    if (!states.has(event.backend))
      states.set(event.backend, event.kind === 'add' ? 'absent' : 'up')
  }
  for (const { event, i } of ordered) {
    const { backend, kind } = event
    const state = states.get(backend)!
    const { from, to } = MOVES[kind]
    if (!from.includes(state)) {
      const whatFor = kind === 'slow' ? 'slow down' : kind
      const path = `events[${i}]`
      throw new RouteSimError(
        `${path}: expected backend ${backend} to be ${from.join(' or ')} when it is to ${whatFor}, got ${state}`,
        { code: 'options_invalid', path },
      )
    }
    if (to !== undefined) states.set(backend, to)
  }
}
