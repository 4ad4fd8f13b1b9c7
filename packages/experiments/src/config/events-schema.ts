import { type BackendEvent, checkBackendEvents, RouteSimError } from '@routesim/core'
import * as z from 'zod'
import { expected, integer, notNegative, oneOf, positive, table } from './fields.js'

const event = table({
  at_sec: notNegative().describe('When it happens, in seconds of simulated time.'),
  kind: oneOf(['fail', 'recover', 'drain', 'slow', 'add', 'remove']).describe(
    'fail: stops at once and loses its requests and its KV cache. recover: is back, after fail with an empty cache. drain: looks unhealthy, and finishes what it has. slow: steps take factor times as long. add: joins the fleet, and is absent until then. remove: leaves it, and finishes what it has.',
  ),
  backend: integer(0).describe('Id of the backend, from 0.'),
  factor: positive()
    .optional()
    .describe('slow: how many times as long steps take; 1 is as before.'),
})

type EventTable = z.output<typeof event>

/** What happens to backends while a run goes on. */
export const eventsSection = z.array(event, expected('tables [[events]]')).default([])

/** Events as the engine takes them. */
export function backendEvents(events: readonly EventTable[]): readonly BackendEvent[] {
  return events.map(({ at_sec, kind, backend, factor }) => ({
    atMs: at_sec * 1000,
    kind,
    backend,
    ...(factor !== undefined && { factor }),
  }))
}

/** Says where events do not fit the fleet, or one another. */
export function checkEvents(
  events: readonly EventTable[],
  backends: number,
  context: z.RefinementCtx,
): void {
  try {
    checkBackendEvents(backendEvents(events), backends)
  } catch (error) {
    if (!(error instanceof RouteSimError) || error.path === undefined) throw error
    const [, i, key] = /^events\[(\d+)\](?:\.(\w+))?$/.exec(error.path)!
    context.addIssue({
      code: 'custom',
      path: ['events', Number(i), ...(key === undefined ? [] : [key])],
      message: error.message.slice(error.path.length + 2),
    })
  }
}
