import { traceError } from '../errors/trace-error.js'
import { expectedError } from '../reading/json-fields.js'
import type { TraceColumns } from './trace-columns.js'
import type { TraceRecord } from './trace-record.js'

/** Finds the requests that others wait for, by their session or by an id of their own. */
export class TurnLinks {
  private readonly columns: TraceColumns
  /** Per session, as a number of the name pool, its last row. */
  private readonly lastOfSession = new Map<number, number>()
  private readonly rowOfId = new Map<string, number>()
  private seen = 0

  constructor(columns: TraceColumns) {
    this.columns = columns
  }

  /** The last row of a session so far, -1 when it has none. */
  lastTurn(session: string): number {
    const { requests, names, size } = this.columns
    // Rows may have come from a template reader, so they are looked up when they are needed.
    for (; this.seen < size; this.seen++) {
      const id = requests.session.get(this.seen)
      if (id >= 0) this.lastOfSession.set(id, this.seen)
    }
    return this.lastOfSession.get(names.ofString(session)) ?? -1
  }

  /** The next row to be added can be waited for under this name. @throws RouteSimError when it is taken */
  name(id: string): void {
    if (this.rowOfId.has(id)) throw expectedError('id', 'an id of its own', id)
    this.rowOfId.set(id, this.columns.size)
  }

  /** Takes a name back: its row was not added. */
  forget(id: string): void {
    this.rowOfId.delete(id)
  }

  /** The row with a name. @throws RouteSimError when there is none yet */
  rowOf(id: string): number {
    const row = this.rowOfId.get(id)
    if (row === undefined) throw expectedError('after', 'the id of a request before this one', id)
    return row
  }

  /**
   * Makes a record wait for a row, and for others too. Without a time of its own it arrives as soon as it
   * could.
   * @throws RouteSimError `trace_invalid` when it would arrive before one of these
   */
  follow(
    record: TraceRecord,
    row: number,
    thinkMs: number,
    hasTime: boolean,
    field: string,
    joins: readonly number[] = [],
  ): void {
    const { requests } = this.columns
    let beforeMs = requests.arrivalMs(row)
    for (const other of joins) beforeMs = Math.max(beforeMs, requests.arrivalMs(other))
    if (!hasTime) record.arrivalMs = beforeMs + thinkMs
    if (record.arrivalMs < beforeMs) {
      throw traceError(
        'trace_invalid',
        `${field}: expected a time >= ${beforeMs}, that of the request before it, got ${record.arrivalMs}`,
      )
    }
    record.predecessor = row
    record.thinkMs = thinkMs
    if (joins.length > 0) record.joins = joins
  }
}
