import {
  awaitedBy,
  INT_COLUMNS,
  type Join,
  joinColumns,
  type RequestTable,
  sharedFloat64,
  sharedInt32,
} from '@routesim/core'

/** What happens to times of arrival, in ms. */
export type ChangeMs = (arrivalMs: number) => number

/**
 * The table of some rows, which must be in an order that keeps arrivals in order after `change`. Nobody
 * waits for a row that is left out.
 */
export function selectRows(
  table: RequestTable,
  rows: Int32Array,
  change: ChangeMs = (ms) => ms,
): RequestTable {
  const size = rows.length
  const taken = <T extends Int32Array | Float64Array>(from: T, to: T): T => {
    for (let i = 0; i < size; i++) to[i] = from[rows[i]!]!
    return to
  }
  const ints = INT_COLUMNS.map((name) => [name, taken(table[name], sharedInt32(size))] as const)
  const { sloClass, deadlineMs, thinkMs, anyEnd } = table
  const arrivalMs = taken(table.arrivalMs, sharedFloat64(size))
  for (let i = 0; i < size; i++) arrivalMs[i] = change(arrivalMs[i]!)
  return {
    size,
    arrivalMs,
    ...(Object.fromEntries(ints) as Record<(typeof INT_COLUMNS)[number], Int32Array>),
    ...(sloClass && { sloClass: taken(sloClass, sharedInt32(size)) }),
    ...(deadlineMs && { deadlineMs: taken(deadlineMs, sharedFloat64(size)) }),
    ...(table.predecessor && {
      ...waitsOf(table, rows),
      thinkMs: thinkMs ? taken(thinkMs, sharedFloat64(size)) : sharedFloat64(size),
    }),
    ...(anyEnd && { anyEnd: taken(anyEnd, sharedInt32(size)) }),
    strings: table.strings,
    prompts: table.prompts,
  }
}

/** What rows wait for, as far as it is among them. */
function waitsOf(
  table: RequestTable,
  rows: Int32Array,
): Pick<RequestTable, 'predecessor' | 'joinRow' | 'joinAwaited'> {
  const rowOf = new Int32Array(table.size).fill(-1)
  for (let i = 0; i < rows.length; i++) rowOf[rows[i]!] = i
  const predecessor = sharedInt32(rows.length).fill(-1)
  const joins: Join[] = []
  for (let i = 0; i < rows.length; i++) {
    for (const awaited of awaitedBy(table, rows[i]!)) {
      const to = rowOf[awaited]!
      if (to < 0) continue
      if (predecessor[i]! < 0) predecessor[i] = to
      else joins.push([i, to])
    }
  }
  return { predecessor, ...joinColumns(predecessor, joins) }
}
