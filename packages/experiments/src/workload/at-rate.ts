import type { RequestTable } from '@routesim/core'

/** Mean requests per second between the first arrival and the last; NaN with fewer than two. */
export function rateOf({ size, arrivalMs }: RequestTable): number {
  return ((size - 1) / (arrivalMs[size - 1]! - arrivalMs[0]!)) * 1000
}

/**
 * The same requests, arriving faster or slower so that their mean rate is as given. All times between
 * them change alike, also those between the turns of a conversation.
 *
 * @param rateRps - requests per second, greater than 0
 */
export function atRate(table: RequestTable, rateRps: number): RequestTable {
  const factor = rateOf(table) / rateRps
  if (!Number.isFinite(factor)) return table
  const firstMs = table.arrivalMs[0]!
  const shared = new SharedArrayBuffer(table.size * Float64Array.BYTES_PER_ELEMENT)
  const arrivalMs = new Float64Array(shared)
  for (let row = 0; row < table.size; row++) {
    arrivalMs[row] = (table.arrivalMs[row]! - firstMs) * factor
  }
  return { ...table, arrivalMs }
}
