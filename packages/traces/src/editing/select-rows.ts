import { INT_COLUMNS, type RequestTable, sharedFloat64, sharedInt32 } from '@routesim/core'

/** What happens to times of arrival, in ms. */
export type ChangeMs = (arrivalMs: number) => number

/**
 * The table of some rows, which must be in an order that keeps arrivals in order after `change`. A row
 * whose predecessor is left out waits for nobody.
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
  const { sloClass, deadlineMs, thinkMs } = table
  const arrivalMs = taken(table.arrivalMs, sharedFloat64(size))
  for (let i = 0; i < size; i++) arrivalMs[i] = change(arrivalMs[i]!)
  return {
    size,
    arrivalMs,
    ...(Object.fromEntries(ints) as Record<(typeof INT_COLUMNS)[number], Int32Array>),
    ...(sloClass && { sloClass: taken(sloClass, sharedInt32(size)) }),
    ...(deadlineMs && { deadlineMs: taken(deadlineMs, sharedFloat64(size)) }),
    ...(table.predecessor && {
      predecessor: predecessorsOf(table.predecessor, rows),
      thinkMs: thinkMs ? taken(thinkMs, sharedFloat64(size)) : sharedFloat64(size),
    }),
    strings: table.strings,
    prompts: table.prompts,
  }
}

function predecessorsOf(predecessor: Int32Array, rows: Int32Array): Int32Array {
  const rowOf = new Int32Array(predecessor.length).fill(-1)
  const out = sharedInt32(rows.length)
  for (let i = 0; i < rows.length; i++) rowOf[rows[i]!] = i
  for (let i = 0; i < rows.length; i++) {
    const before = predecessor[rows[i]!]!
    out[i] = before < 0 ? -1 : rowOf[before]!
  }
  return out
}
