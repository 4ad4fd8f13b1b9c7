import { checkTotalTokens, expectedError } from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { CsvReader, type CsvRow } from './csv-reader.js'

const DATE = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):?(\d\d))?$/

/**
 * Azure's LLM inference traces of 2023 and 2024: `TIMESTAMP` (a date), `ContextTokens`,
 * `GeneratedTokens`; arrivals count from the first.
 */
export class AzureReader extends CsvReader {
  /** Times are whole ns since the first one seen: exact for 104 days around it. */
  private firstSec: number | undefined
  private earliestNs = 0

  constructor(source: string, collector: RecordCollector, required: readonly string[] = COLUMNS) {
    super(source, collector, required)
  }

  protected row(row: CsvRow): void {
    const promptTokens = row.integer('ContextTokens', 1)
    const outputTokens = row.integer('GeneratedTokens', 0)
    checkTotalTokens(promptTokens, outputTokens)
    this.collector.add({ arrivalMs: this.offsetNs(row), promptTokens, outputTokens })
  }

  override end(): void {
    const { requests } = this.collector.columns
    if (this.firstSec !== undefined) {
      requests.mapArrivals((ns) => (ns - this.earliestNs) / 1e6)
    }
  }

  private offsetNs(row: CsvRow): number {
    const text = row.text('TIMESTAMP')
    const parts = text === undefined ? undefined : DATE.exec(text)
    if (parts === undefined || parts === null)
      throw expectedError('TIMESTAMP', 'a date and time', text)
    const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const ms = Date.UTC(year, month - 1, day, hour, minute, second)
    const back = new Date(ms)
    if (
      back.getUTCMonth() !== month - 1 ||
      back.getUTCHours() !== hour ||
      back.getUTCSeconds() !== second
    ) {
      throw expectedError('TIMESTAMP', 'a date and time', text)
    }
    const zoneMinutes = Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0)
    const seconds = ms / 1000 - (parts[8] === '-' ? -zoneMinutes : zoneMinutes) * 60
    this.firstSec ??= seconds
    const fraction = (parts[7] ?? '.').slice(1, 10).padEnd(9, '0')
    const offset = (seconds - this.firstSec) * 1e9 + Number(fraction)
    this.earliestNs = this.collector.columns.size === 0 ? offset : Math.min(this.earliestNs, offset)
    return offset
  }
}

const COLUMNS = ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'] as const
