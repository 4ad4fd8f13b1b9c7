import type { RequestTable } from '@routesim/core'
import type { TraceRecord } from '../columns/trace-record.js'
import { checkTotalTokens } from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { secondsOf } from './azure-writer.js'
import { csvField } from './csv-line.js'
import { CsvReader, type CsvRow } from './csv-reader.js'

/**
 * BurstGPT CSV: `Timestamp` (s), `Model`, `Request tokens`, `Response tokens`; newer files also have
 * `Session ID`. Requests that failed have no response tokens, and are kept as such.
 */
export class BurstGptReader extends CsvReader {
  constructor(source: string, collector: RecordCollector) {
    super(source, collector, ['Timestamp', 'Request tokens', 'Response tokens'])
  }

  protected row(row: CsvRow): void {
    const record: TraceRecord = {
      arrivalMs: row.number('Timestamp') * 1000,
      promptTokens: row.integer('Request tokens', 1),
      outputTokens: row.integer('Response tokens', 0),
    }
    checkTotalTokens(record.promptTokens, record.outputTokens)
    const model = row.text('Model')
    if (model !== undefined) record.model = model
    const session = row.text('Session ID')
    if (session !== undefined) record.session = session
    this.collector.add(record)
  }
}

/** BurstGPT CSV holds arrivals, lengths, models and sessions. */
export function* burstGptLines(table: RequestTable): Generator<string> {
  yield 'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type'
  for (let row = 0; row < table.size; row++) {
    const prompt = table.promptTokens[row]!
    const output = table.outputTokens[row]!
    const session = table.strings[table.session[row]!]
    const fields = [
      secondsOf(table.arrivalMs[row]!),
      session ?? '',
      '',
      table.strings[table.model[row]!] ?? '',
      prompt,
      output,
      prompt + output,
      session === undefined ? 'API log' : 'Conversation log',
    ]
    yield fields.map(csvField).join(',')
  }
}
