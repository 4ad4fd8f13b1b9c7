import type { TraceRecord } from '../columns/trace-record.js'
import {
  checkTotalTokens,
  expectedError,
  integer,
  isObject,
  type JsonObject,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { DocumentReader } from './document-reader.js'
import type { LineReader } from './line-reader.js'
import { promptText } from './prompt-text.js'
import { TEXT_BLOCK_TOKENS, TextTokens } from './text-tokens.js'

/**
 * AIPerf's `profile_export.jsonl`: a request a line, `metadata` and `metrics`. Arrivals count from the
 * first. Requests of the warm-up and those that failed are ignored, as they have no lengths.
 */
export class AiperfProfileReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  /** Start times are offsets from the first one seen, as float64 can not hold them in ns. */
  private firstNs = 0n
  private earliestNs = 0

  constructor(source: string, collector: RecordCollector) {
    this.source = source
    this.collector = collector
  }

  line(text: string, number: number): void {
    this.collector.attempt(`${this.source}:${number}`, () => {
      const { metadata, metrics, error } = parseObject(text)
      if (!isObject(metadata)) throw expectedError('metadata', 'an object', metadata)
      const phase = metadata['benchmark_phase'] ?? 'profiling'
      if (phase !== 'profiling' || (error ?? undefined) !== undefined) {
        this.collector.ignored++
        return
      }
      if (!isObject(metrics)) throw expectedError('metrics', 'an object', metrics)
      const record: TraceRecord = {
        arrivalMs: 0,
        promptTokens: integer(
          'input_sequence_length',
          metricValue(metrics, 'input_sequence_length'),
          1,
        ),
        outputTokens: integer(
          'output_sequence_length',
          metricValue(metrics, 'output_sequence_length') ?? 0,
          0,
        ),
      }
      checkTotalTokens(record.promptTokens, record.outputTokens)
      const session =
        optionalName('x_correlation_id', metadata['x_correlation_id']) ??
        optionalName('conversation_id', metadata['conversation_id'])
      if (session !== undefined) record.session = session
      record.arrivalMs = this.offsetNs(text, metadata)
      this.collector.add(record)
    })
  }

  end(): void {
    this.collector.columns.requests.mapArrivals((ns) => (ns - this.earliestNs) / 1e6)
  }

  private offsetNs(text: string, metadata: JsonObject): number {
    const start = metadata['request_start_ns']
    // Taken as it is written: a parsed number is rounded to some hundred ns.
    const digits = /"request_start_ns"\s*:\s*(\d{1,20})\s*[,}]/.exec(text)?.[1]
    if (!Number.isInteger(start) || digits === undefined) {
      throw expectedError('request_start_ns', 'nanoseconds since 1970', start)
    }
    const ns = BigInt(digits)
    if (this.collector.columns.size === 0) this.firstNs = ns
    const offset = Number(ns - this.firstNs)
    this.earliestNs = Math.min(this.earliestNs, offset)
    return offset
  }
}

function metricValue(metrics: JsonObject, name: string): unknown {
  const metric = metrics[name]
  return isObject(metric) ? metric['value'] : undefined
}

/**
 * AIPerf's `inputs.json`: sessions of payloads. Prompts are estimated from their texts, and share what
 * their texts do; answers have the length that the payload asks for. It has no times: sessions begin
 * at 0, and turns are sent when the one before has ended.
 */
export class AiperfInputsReader extends DocumentReader {
  private readonly tokens: TextTokens

  constructor(source: string, collector: RecordCollector, charsPerToken: number | undefined) {
    super(source, collector)
    this.tokens = new TextTokens(charsPerToken)
  }

  protected document(value: unknown, where: string): void {
    let sessions: readonly unknown[] = []
    this.collector.attempt(where, () => {
      const data = isObject(value) ? value['data'] : value
      if (!Array.isArray(data)) throw expectedError('data', 'an array', data)
      sessions = data
    })
    sessions.forEach((session, i) => {
      this.session(session, `${where}: session ${i + 1}`)
    })
  }

  private session(session: unknown, where: string): void {
    let before = -1
    let payloads: readonly unknown[] = []
    let name: string | undefined
    this.collector.attempt(where, () => {
      if (!isObject(session)) throw expectedError('data', 'objects', session)
      if (!Array.isArray(session['payloads'])) {
        throw expectedError('payloads', 'an array', session['payloads'])
      }
      name = optionalName('session_id', session['session_id'])
      payloads = session['payloads']
    })
    payloads.forEach((payload, i) => {
      this.collector.attempt(`${where}: payload ${i + 1}`, () => {
        if (!isObject(payload)) throw expectedError('payloads', 'objects', payload)
        const text = promptText(payload)
        const record: TraceRecord = {
          arrivalMs: 0,
          promptTokens: this.tokens.count(text),
          outputTokens: integer(
            'max_tokens',
            payload['max_completion_tokens'] ?? payload['max_tokens'],
            0,
          ),
        }
        checkTotalTokens(record.promptTokens, record.outputTokens)
        if (name !== undefined) record.session = name
        const model = optionalName('model', payload['model'])
        if (model !== undefined) record.model = model
        if (before >= 0) {
          record.predecessor = before
          record.thinkMs = 0
        }
        before = this.collector.add(record, {
          ids: this.tokens.blocks(text),
          tokens: TEXT_BLOCK_TOKENS,
        })
      })
    })
  }
}
