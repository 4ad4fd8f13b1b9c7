import type { Config } from './schema.js'

/** What became of the times of requests. */
export interface MovedTimes {
  /** What was then is at 0. */
  readonly fromMs: number
  /** How many times as long everything takes since; 1 when absent. */
  readonly factor?: number
}

/**
 * The events of backends beside requests of which the times have changed. Events before the beginning happen at
 * 0, one after another, so that each backend begins as they leave it.
 */
export function moveEvents(
  events: Config['events'],
  { fromMs, factor = 1 }: MovedTimes,
): Config['events'] {
  if (events.length === 0 || (fromMs === 0 && factor === 1)) return events
  return [...events]
    .sort((a, b) => a.at_sec - b.at_sec)
    .map((event) => ({
      ...event,
      at_sec: Math.max(0, (event.at_sec - fromMs / 1000) * factor),
    }))
}
