import type { TraceRecord } from '../columns/trace-record.js'
import {
  blockIds,
  checkTotalTokens,
  integer,
  milliseconds,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import type { LineReader } from './line-reader.js'

/**
 * Mooncake JSONL: `timestamp` (ms), `input_length`, `output_length`, `hash_ids` (one per block, the
 * last may be partial; tokens beyond the last id are the request's own), optionally `session_id`.
 */
export class MooncakeReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly blockTokens: number

  constructor(source: string, collector: RecordCollector, blockTokens: number) {
    this.source = source
    this.collector = collector
    this.blockTokens = blockTokens
  }

  line(text: string, number: number): void {
    this.collector.attempt(`${this.source}:${number}`, () => {
      const line = parseObject(text)
      const record: TraceRecord = {
        arrivalMs: milliseconds('timestamp', line['timestamp']),
        promptTokens: integer('input_length', line['input_length'], 1),
        outputTokens: integer('output_length', line['output_length'], 0),
      }
      checkTotalTokens(record.promptTokens, record.outputTokens)
      const session = optionalName('session_id', line['session_id'])
      if (session !== undefined) record.session = session
      const ids = line['hash_ids'] ?? undefined
      if (ids === undefined) this.collector.add(record)
      else this.collector.add(record, { ids: blockIds(ids, text), tokens: this.blockTokens })
    })
  }

  end(): void {}
}
