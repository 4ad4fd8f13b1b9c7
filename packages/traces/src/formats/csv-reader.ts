import { traceError } from '../errors/trace-error.js'
import { expectedError, integer } from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { csvFields } from './csv-line.js'
import type { LineReader } from './line-reader.js'

const LARGEST_TIME = Number.MAX_SAFE_INTEGER
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** One line of CSV, by the names of its columns; names are compared without case. */
export class CsvRow {
  private readonly columns: ReadonlyMap<string, number>
  private readonly fields: readonly string[]

  constructor(columns: ReadonlyMap<string, number>, fields: readonly string[]) {
    this.columns = columns
    this.fields = fields
  }

  /** The text of a column, `undefined` when there is none or it is empty. */
  text(column: string): string | undefined {
    const at = this.columns.get(column.toLowerCase())
    const text = at === undefined ? undefined : this.fields[at]?.trim()
    return text === '' ? undefined : text
  }

  /** A number from 0 to 2^53. */
  number(column: string): number {
    const text = this.text(column)
    const value = text !== undefined && NUMBER.test(text) ? Number(text) : Number.NaN
    if (value >= 0 && value <= LARGEST_TIME) return value + 0
    throw expectedError(column, 'a number from 0 to 2^53', text)
  }

  /** An integer; one written with decimals that are zero is one too. */
  integer(column: string, minimum: number): number {
    const text = this.text(column)
    return integer(column, text !== undefined && NUMBER.test(text) ? Number(text) : text, minimum)
  }
}

/** A format that is CSV with the names of the columns on its first line. */
export abstract class CsvReader implements LineReader {
  protected readonly collector: RecordCollector
  /** The dialect of the file, once its first line has been read. */
  protected names: readonly string[] = []
  private readonly source: string
  private readonly dialects: readonly (readonly string[])[]
  private columns: ReadonlyMap<string, number> | undefined

  /** @param dialects - columns that a file has, all of one dialect */
  constructor(
    source: string,
    collector: RecordCollector,
    ...dialects: readonly (readonly string[])[]
  ) {
    this.source = source
    this.collector = collector
    this.dialects = dialects
  }

  line(text: string, number: number): void {
    const where = `${this.source}:${number}`
    if (this.columns === undefined) {
      this.head(text, where)
      return
    }
    const { columns } = this
    this.collector.attempt(where, () => {
      const fields = csvFields(text)
      if (fields.length !== columns.size) {
        throw traceError('trace_invalid', `expected ${columns.size} columns, got ${fields.length}`)
      }
      this.row(new CsvRow(columns, fields))
    })
  }

  end(): void {}

  /** Takes one line. @throws RouteSimError `trace_invalid` */
  protected abstract row(row: CsvRow): void

  /** A header that is wrong spoils all lines, so it always ends the read. */
  private head(text: string, where: string): void {
    const names = fieldsOfHead(text.trim(), where)
    this.columns = new Map(names.map((name, i) => [name.trim().toLowerCase(), i]))
    const lacking = this.dialects.map((dialect) =>
      dialect.filter((name) => !this.columns!.has(name.toLowerCase())),
    )
    const least = Math.min(...lacking.map(({ length }) => length))
    const dialect = lacking.findIndex(({ length }) => length === least)
    this.names = this.dialects[dialect]!
    const missing = lacking[dialect]![0]
    if (missing === undefined && this.columns.size === names.length) return
    throw traceError(
      'trace_invalid',
      missing === undefined
        ? `${where}: expected columns with different names, got ${text.trim()}`
        : `${where}: expected a column ${missing}, got ${text.trim()}`,
      { path: where },
    )
  }
}

function fieldsOfHead(text: string, where: string): string[] {
  try {
    return csvFields(text)
  } catch (cause) {
    const { message } = cause as Error
    throw traceError('trace_invalid', `${where}: ${message}`, { path: where, cause })
  }
}
