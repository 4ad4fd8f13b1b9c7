import { RouteSimError } from '../errors/routesim-error.js'
import type { RequestTable } from './request-table.js'
import { sharedInt32 } from './shared-columns.js'

/** A request that waits for another, besides its predecessor: both are rows. */
export type Join = readonly [row: number, awaited: number]

/** The columns that say which requests wait for several. */
export type JoinColumns = Required<Pick<RequestTable, 'joinRow' | 'joinAwaited'>>

/**
 * All that a request of a table waits for, as rows: its predecessor, then what else it joins.
 *
 * @example
 * const isFirst = awaitedBy(table, row).length === 0
 */
export function awaitedBy(table: RequestTable, row: number): number[] {
  const before = table.predecessor?.[row] ?? -1
  if (before < 0) return []
  const awaited = [before]
  const { joinRow, joinAwaited } = table
  if (joinRow === undefined) return awaited
  for (let i = firstAtLeast(joinRow, row); joinRow[i] === row; i++) awaited.push(joinAwaited![i]!)
  return awaited
}

/**
 * Joins as columns in shared memory, in order of rows. Of what a request waits for, the last row becomes
 * its predecessor, so that a table has one form however its joins were found.
 * @param predecessor - that of each row, -1 for none; changed in place
 * @returns `undefined` when no request waits for several
 * @throws RouteSimError `request_invalid` when a request joins one that does not come before it
 */
export function joinColumns(
  predecessor: Int32Array,
  joins: readonly Join[],
): JoinColumns | undefined {
  const awaitedOf = new Map<number, Set<number>>()
  for (const [row, awaited] of joins) {
    if (!(awaited >= 0 && awaited < row)) {
      throw new RouteSimError(
        `request ${row}: joins: expected a request that arrives before it, got ${awaited}`,
        { code: 'request_invalid', path: 'joins' },
      )
    }
    let all = awaitedOf.get(row)
    if (all === undefined) {
      all = new Set(predecessor[row]! < 0 ? [] : [predecessor[row]!])
      awaitedOf.set(row, all)
    }
    all.add(awaited)
  }
  const found: Join[] = []
  for (const row of [...awaitedOf.keys()].sort((a, b) => a - b)) {
    const rows = [...awaitedOf.get(row)!].sort((a, b) => a - b)
    predecessor[row] = rows.pop()!
    for (const awaited of rows) found.push([row, awaited])
  }
  if (found.length === 0) return undefined
  const joinRow = sharedInt32(found.length)
  const joinAwaited = sharedInt32(found.length)
  found.forEach(([row, awaited], i) => {
    joinRow[i] = row
    joinAwaited[i] = awaited
  })
  return { joinRow, joinAwaited }
}

function firstAtLeast(sorted: Int32Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
