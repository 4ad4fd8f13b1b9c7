import { RouteSimError } from '../errors/routesim-error.js'
import { Float64Column } from './float64-column.js'
import { Int32Column } from './int32-column.js'
import { type Join, joinColumns } from './joins.js'
import type { RequestTable } from './request-table.js'
import { sharedFloat64 } from './shared-columns.js'

/** Names of the integer columns of a {@link RequestTable}. */
export const INT_COLUMNS = [
  'promptTokens',
  'outputTokens',
  'maxTokens',
  'promptNode',
  'prefixTokens',
  'session',
  'user',
  'tenant',
  'model',
  'adapter',
  'priority',
  'ttftSloMs',
] as const

/** Names of the columns that a {@link RequestTable} has only when some request uses them. */
export const OPTIONAL_COLUMNS = [
  'sloClass',
  'deadlineMs',
  'predecessor',
  'joinRow',
  'joinAwaited',
  'thinkMs',
  'anyEnd',
] as const

const FIRST_CAPACITY = 1024

/** Memory that is not written to yet costs next to nothing, and copying does. */
const GROWTH = 4

/**
 * The columns of a {@link RequestTable} while rows are still being added, in any order of arrival
 * and unchecked. Columns that no row uses take no memory. {@link RequestTableBuilder} is the
 * comfortable way; this is the fast one.
 *
 * @example
 * const columns = new RequestColumns()
 * const row = columns.append(0, 512, 100)
 * columns.priority.set(row, 3)
 * const { arrivalMs } = columns.finish(columns.arrivalOrder())
 */
export class RequestColumns {
  readonly promptTokens: Int32Column = new Int32Column(0)
  readonly outputTokens: Int32Column = new Int32Column(0)
  /** 0 where none is declared. */
  readonly maxTokens: Int32Column = new Int32Column(0)
  readonly promptNode: Int32Column = new Int32Column(-1)
  readonly prefixTokens: Int32Column = new Int32Column(0)
  readonly session: Int32Column = new Int32Column(-1)
  readonly user: Int32Column = new Int32Column(-1)
  readonly tenant: Int32Column = new Int32Column(-1)
  readonly model: Int32Column = new Int32Column(-1)
  readonly adapter: Int32Column = new Int32Column(-1)
  readonly priority: Int32Column = new Int32Column(0)
  readonly sloClass: Int32Column = new Int32Column(-1)
  /** NaN for none. */
  readonly deadlineMs: Float64Column = new Float64Column(Number.NaN)
  /** Row, in the order of adding, of the request before; -1 for none. */
  readonly predecessor: Int32Column = new Int32Column(-1)
  readonly thinkMs: Float64Column = new Float64Column(0)
  readonly anyEnd: Int32Column = new Int32Column(0)
  readonly ttftSloMs: Int32Column = new Int32Column(0)
  private arrivals = sharedFloat64(FIRST_CAPACITY)
  private readonly joins: Join[] = []
  private count = 0
  private inOrder = true

  /** Rows added so far. */
  get size(): number {
    return this.count
  }

  arrivalMs(row: number): number {
    return this.arrivals[row]!
  }

  /** Replaces every time of arrival; their order must stay the same. */
  mapArrivals(change: (arrivalMs: number) => number): void {
    for (let row = 0; row < this.count; row++) this.arrivals[row] = change(this.arrivals[row]!)
  }

  /**
   * Adds a row.
   * @returns its number, for the setters of the other columns
   */
  append(arrivalMs: number, promptTokens: number, outputTokens: number): number {
    const row = this.count
    if (row === this.arrivals.length) {
      const grown = sharedFloat64(row * GROWTH)
      grown.set(this.arrivals)
      this.arrivals = grown
    }
    if (row > 0 && this.arrivals[row - 1]! > arrivalMs) this.inOrder = false
    this.arrivals[row] = arrivalMs
    this.promptTokens.set(row, promptTokens)
    this.outputTokens.set(row, outputTokens)
    this.count = row + 1
    return row
  }

  /** Makes a row wait for another too, besides its predecessor; both in the order of adding. */
  join(row: number, awaited: number): void {
    if (this.predecessor.get(row) < 0) this.predecessor.set(row, awaited)
    else this.joins.push([row, awaited])
  }

  /**
   * Row numbers by time of arrival, rows that arrive together in the order they were added;
   * `undefined` when all were added in that order.
   */
  arrivalOrder(): Int32Array | undefined {
    if (this.inOrder) return undefined
    const arrivals = this.arrivals
    const order = new Int32Array(this.count)
    for (let row = 0; row < order.length; row++) order[row] = row
    return order.sort((i, j) => arrivals[i]! - arrivals[j]! || i - j)
  }

  /**
   * The finished columns, in shared memory; those that no row uses share one array per default, or are
   * absent where the table may lack them. No row may be added or set afterwards.
   * @throws RouteSimError `request_invalid` when what a request waits for does not come before it
   */
  finish(order: Int32Array | undefined): Omit<RequestTable, 'strings' | 'prompts'> {
    const size = this.count
    const arrivalMs = this.finishArrivals(order)
    const unused = new Map<number, Int32Array>()
    const columns: Partial<Record<(typeof INT_COLUMNS)[number], Int32Array>> = {}
    for (const name of INT_COLUMNS) {
      const column = this[name]
      const known = column.isUsed ? undefined : unused.get(column.initial)
      columns[name] = known ?? column.finish(size, order)
      if (!column.isUsed) unused.set(column.initial, columns[name]!)
    }
    const required = columns as Record<(typeof INT_COLUMNS)[number], Int32Array>
    return { size, arrivalMs, ...required, ...this.finishOptional(order) }
  }

  private finishOptional(
    order: Int32Array | undefined,
  ): Pick<RequestTable, (typeof OPTIONAL_COLUMNS)[number]> {
    const { sloClass, deadlineMs, predecessor, thinkMs, anyEnd, count } = this
    return {
      ...(sloClass.isUsed && { sloClass: sloClass.finish(count, order) }),
      ...(deadlineMs.isUsed && { deadlineMs: deadlineMs.finish(count, order) }),
      ...(predecessor.isUsed && {
        ...this.finishWaits(order),
        thinkMs: thinkMs.finish(count, order),
      }),
      ...(anyEnd.isUsed && { anyEnd: anyEnd.finish(count, order) }),
    }
  }

  private finishWaits(
    order: Int32Array | undefined,
  ): Pick<RequestTable, 'predecessor' | 'joinRow' | 'joinAwaited'> {
    const rowOf = order && rowsInOrder(order)
    const predecessor = renumbered(this.predecessor.finish(this.count, order), rowOf)
    if (this.joins.length === 0) return { predecessor }
    const joins = this.joins.map<Join>(([row, awaited]) =>
      rowOf === undefined ? [row, awaited] : [rowOf[row]!, rowOf[awaited]!],
    )
    return { predecessor, ...joinColumns(predecessor, joins) }
  }

  private finishArrivals(order: Int32Array | undefined): Float64Array {
    const { arrivals, count } = this
    if (order === undefined && count > arrivals.length / 2) return arrivals.subarray(0, count)
    const column = sharedFloat64(count)
    if (order === undefined) column.set(arrivals.subarray(0, count))
    else for (let row = 0; row < count; row++) column[row] = arrivals[order[row]!]!
    return column
  }
}

function rowsInOrder(order: Int32Array): Int32Array {
  const rowOf = new Int32Array(order.length)
  for (let row = 0; row < rowOf.length; row++) rowOf[order[row]!] = row
  return rowOf
}

/** Predecessors as rows of the finished table. */
function renumbered(predecessor: Int32Array, rowOf: Int32Array | undefined): Int32Array {
  for (let row = 0; row < predecessor.length; row++) {
    const before = predecessor[row]!
    if (before < 0) continue
    const to = rowOf === undefined ? before : (rowOf[before] ?? row)
    if (!(to < row)) {
      throw new RouteSimError(
        `request ${row}: predecessor: expected a request that arrives before it, got ${to}`,
        { code: 'request_invalid', path: 'predecessor' },
      )
    }
    predecessor[row] = to
  }
  return predecessor
}
