import type { BackendEvent, RequestTable } from '@routesim/core'

/** A note on events that come when no request arrives any more: of most of them nothing shows. */
export function lateEvents(
  events: readonly BackendEvent[],
  { size, arrivalMs, predecessor }: RequestTable,
): string[] {
  // When those come that wait for others, only the run tells.
  if (size === 0 || predecessor?.some((row) => row >= 0) === true) return []
  const lastMs = arrivalMs[size - 1]!
  const late = events.filter(({ atMs }) => atMs > lastMs)
  if (late.length === 0) return []
  const which = events.length === 1 ? 'the event' : `${late.length} of ${events.length} events`
  const first = Math.min(...late.map(({ atMs }) => atMs)) / 1000
  return [
    `${which} of [[events]] ${late.length === 1 ? 'comes' : 'come'} after the last request, which arrives at ${(lastMs / 1000).toFixed(1)} s: from ${first} s on`,
  ]
}
