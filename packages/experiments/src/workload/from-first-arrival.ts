import type { RequestTable } from '@routesim/core'

/** Traces whose first request comes later than this, over a day, bear the time of an absolute clock. */
const ABSOLUTE_CLOCK_MS = 1e8

/**
 * A table whose arrivals are counted from the first if they bear the time of an absolute clock: so large
 * numbers have no digits left for fractions of a ms.
 */
export function fromFirstArrival(table: RequestTable): RequestTable {
  const [first = 0] = table.arrivalMs
  if (first < ABSOLUTE_CLOCK_MS) return table
  return { ...table, arrivalMs: table.arrivalMs.map((arrivalMs) => arrivalMs - first) }
}
