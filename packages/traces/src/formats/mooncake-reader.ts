import type { TraceRecord } from '../columns/trace-record.js'
import { TurnLinks } from '../columns/turn-links.js'
import {
  blockIds,
  checkTotalTokens,
  integer,
  type JsonObject,
  milliseconds,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import type { LineReader } from './line-reader.js'
import { TextTokens } from './text-tokens.js'

/**
 * Mooncake JSONL: `timestamp` (ms), `input_length`, `output_length`, `hash_ids` (one per block, the
 * last may be partial; tokens beyond the last id are the request's own), optionally `session_id`. A
 * turn with `delay` (ms) is sent so long after the turn before it has ended, and needs no `timestamp`.
 */
export class MooncakeReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly blockTokens: number
  private readonly links: TurnLinks
  private readonly tokens: TextTokens

  constructor(
    source: string,
    collector: RecordCollector,
    blockTokens: number,
    charsPerToken?: number,
  ) {
    this.source = source
    this.collector = collector
    this.blockTokens = blockTokens
    this.links = new TurnLinks(collector.columns)
    this.tokens = new TextTokens(charsPerToken)
  }

  line(text: string, number: number): void {
    this.collector.attempt(`${this.source}:${number}`, () => {
      const line = parseObject(text)
      const session = optionalName('session_id', line['session_id'])
      const before =
        (line['delay'] ?? undefined) === undefined || session === undefined
          ? -1
          : this.links.lastTurn(session)
      const hasTime = before < 0 || (line['timestamp'] ?? undefined) !== undefined
      const record: TraceRecord = {
        arrivalMs: hasTime ? milliseconds('timestamp', line['timestamp']) : 0,
        promptTokens: integer('input_length', this.promptLength(line), 1),
        outputTokens: integer('output_length', line['output_length'], 0),
      }
      checkTotalTokens(record.promptTokens, record.outputTokens)
      if (session !== undefined) record.session = session
      if (before >= 0) {
        const thinkMs = milliseconds('delay', line['delay'])
        this.links.follow(record, before, thinkMs, hasTime, 'timestamp')
      }
      const ids = line['hash_ids'] ?? undefined
      if (ids === undefined) this.collector.add(record)
      else this.collector.add(record, { ids: blockIds(ids, text), tokens: this.blockTokens })
    })
  }

  /** Its length, or the estimate of its text. */
  private promptLength(line: JsonObject): unknown {
    const text = line['text_input']
    return line['input_length'] ?? (typeof text === 'string' ? this.tokens.count(text) : undefined)
  }

  end(): void {}
}
