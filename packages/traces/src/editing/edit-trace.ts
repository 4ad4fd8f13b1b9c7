import type { RequestTable } from '@routesim/core'
import type { LoweredRecords } from '../columns/lower-columns.js'
import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { selectRows } from './select-rows.js'

/** What {@link editTrace} changes; each is left as it is when absent. */
export interface TraceEdits {
  /** Keeps requests that arrive from here on, in ms from the first; they then begin at 0. */
  readonly fromMs?: number | undefined
  /** Keeps requests that arrive before, in ms from the first. */
  readonly toMs?: number | undefined
  /** Keeps the first so many, of those in the window. */
  readonly head?: number | undefined
  /** Keeps requests for which it is true, of those in the window. */
  readonly filter?: ((row: number, table: RequestTable) => boolean) | undefined
  /** Divides all times, think times too: 2 is twice the rate, as far as answers do not hold turns up. */
  readonly speedup?: number | undefined
}

/**
 * Takes a part of a trace, or makes it faster or slower; what is kept is kept as it is. Making new
 * requests of an old trace is another thing: `synthesizeTrace`.
 * @param name - what error messages call the trace: the path of its file
 * @throws RouteSimError `trace_option_invalid`, `trace_empty` when nothing is left
 *
 * @example
 * const busy = editTrace(table, { fromMs: 600_000, toMs: 1_200_000, speedup: 2 })
 */
export function editTrace(table: RequestTable, edits: TraceEdits, name = 'trace'): RequestTable {
  return edited(table, rowsKept(table, edits, name), edits)
}

/**
 * Edits a trace as {@link editTrace} does; its prefixes keep their names.
 * @throws RouteSimError `trace_option_invalid`, `trace_empty` when nothing is left
 */
export function editRecords(
  { table, prefixHashes: { of, names } }: LoweredRecords,
  edits: TraceEdits,
  name = 'trace',
): LoweredRecords {
  const rows = rowsKept(table, edits, name)
  const prefixHashes = { of: rows.map((row) => of[row]!), names }
  return { table: edited(table, rows, edits), prefixHashes }
}

function rowsKept(table: RequestTable, edits: TraceEdits, name: string): Int32Array {
  const { fromMs = 0, toMs = Number.POSITIVE_INFINITY, head, speedup = 1, filter } = edits
  check('fromMs', fromMs, fromMs >= 0, 'a number >= 0')
  check('toMs', toMs, toMs > fromMs, `a number > ${fromMs}`)
  check('speedup', speedup, speedup > 0 && speedup < Number.POSITIVE_INFINITY, 'a number > 0')
  if (head !== undefined) {
    check('head', head, Number.isInteger(head) && head >= 1, 'an integer >= 1')
  }
  const startMs = boundary((table.arrivalMs[0] ?? 0) + fromMs)
  const endMs = boundary((table.arrivalMs[0] ?? 0) + toMs)
  const rows: number[] = []
  for (let row = 0; row < table.size && rows.length < (head ?? table.size); row++) {
    const ms = table.arrivalMs[row]!
    if (ms >= startMs && ms < endMs && filter?.(row, table) !== false) rows.push(row)
  }
  if (rows.length === 0 && table.size > 0) {
    const spanMs = table.arrivalMs[table.size - 1]! - table.arrivalMs[0]!
    const all = `${table.size}, which arrive from 0 to ${Number((spanMs / 1000).toFixed(3))} s`
    throw traceError(
      'trace_empty',
      `${name}: expected to keep at least one request of ${all}; kept none`,
      { path: name },
    )
  }
  return Int32Array.from(rows)
}

/**
 * What is added up to the time of a request need not be that time to the last digit: a request that is so little
 * before a boundary is on it.
 */
function boundary(ms: number): number {
  return ms * (1 - 4 * Number.EPSILON)
}

function edited(table: RequestTable, rows: Int32Array, edits: TraceEdits): RequestTable {
  const { fromMs, speedup = 1 } = edits
  // Without a window the trace keeps its beginning.
  const zeroMs = fromMs === undefined ? 0 : (table.arrivalMs[0] ?? 0) + fromMs
  const part = selectRows(table, rows, (ms) => Math.max(0, ms - zeroMs) / speedup)
  if (part.thinkMs !== undefined) {
    for (let i = 0; i < part.size; i++) part.thinkMs[i] = part.thinkMs[i]! / speedup
  }
  return part
}

function check(name: string, value: number, isFine: boolean, expected: string): void {
  if (isFine) return
  throw traceError(
    'trace_option_invalid',
    `${name}: expected ${expected}, got ${describeValue(value)}`,
    {
      path: name,
    },
  )
}
