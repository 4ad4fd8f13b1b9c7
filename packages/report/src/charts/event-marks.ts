import type { BackendEvent } from '@routesim/core'
import type { Mark } from '../chart/chart.js'
import { formatValue } from '../format/format-value.js'

const WORDS: Readonly<Record<Exclude<BackendEvent['kind'], 'slow'>, string>> = {
  fail: 'fails',
  recover: 'is back',
  drain: 'is drained',
  add: 'joins',
  remove: 'leaves',
}

/** More events than these are told as a count. */
const MOST_TOLD = 12

/** A mark for every event, on an axis that begins at `originMs` of the run. */
export function eventMarks(events: readonly BackendEvent[], originMs: number): Mark[] {
  return events
    .filter(({ atMs }) => atMs >= originMs)
    .map((event) => ({ axis: 'x', value: event.atMs - originMs, label: labelOf(event) }))
}

/** A sentence that tells what happens when; empty without events. */
export function eventsSentence(events: readonly BackendEvent[]): string {
  if (events.length === 0) return ''
  if (events.length > MOST_TOLD) return `${events.length} events of backends.`
  const ordered = [...events].sort((a, b) => a.atMs - b.atMs)
  const told = ordered.map((event) => `${labelOf(event)} at ${formatValue(event.atMs, 'ms')}`)
  return `${capital(told.join(', '))}.`
}

function labelOf({ kind, backend, factor = 1 }: BackendEvent): string {
  if (kind !== 'slow') return `backend ${backend} ${WORDS[kind]}`
  return `backend ${backend} takes ${factor === 1 ? 'as long as before' : `${factor} times as long`}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
