import type { HashedBlocks, TraceRecord } from '../columns/trace-record.js'
import {
  checkTotalTokens,
  expectedError,
  integer,
  isObject,
  type JsonObject,
  milliseconds,
  neededField,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import type { LineReader } from './line-reader.js'
import { TEXT_BLOCK_TOKENS } from './text-tokens.js'

const KNOWN: ReadonlySet<string> = new Set([
  'session_id',
  'arrival_time_ns',
  'sub_requests',
  'input_toks',
  'output_toks',
  'tool_duration_ns',
  'input_tok_ids',
  'output_tok_ids',
])

/** A call, and what its prompt holds. */
interface Call {
  readonly record: TraceRecord
  readonly blocks: HashedBlocks | undefined
}

/**
 * JSONL of LLMServingSim 2.0: a line is a request of `input_toks` and `output_toks` at `arrival_time_ns`, or with
 * `sub_requests` an agent's session, whose calls are sent one after another, each `tool_duration_ns` after the
 * answer to the one before. Prompts share what their `input_tok_ids` have in common, in whole blocks of 16 tokens.
 *
 * Source: casys-kaist/LLMServingSim at 0d3de68, workloads/README.md.
 */
export class LlmServingSimReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector

  constructor(source: string, collector: RecordCollector) {
    this.source = source
    this.collector = collector
  }

  line(text: string, number: number): void {
    const where = `${this.source}:${number}`
    this.collector.attempt(where, () => {
      const line = parseObject(text)
      this.collector.misspelled.look(line, KNOWN, where)
      const arrivalMs = nanoseconds(line, 'arrival_time_ns')
      const calls = line['sub_requests'] ?? undefined
      const name = optionalName('session_id', line['session_id'])
      if (calls === undefined) {
        const { record, blocks } = callOf(line, arrivalMs, name)
        this.collector.add(record, blocks)
      } else this.session(calls, arrivalMs, name ?? `session_${number}`)
    })
  }

  end(): void {}

  /** All of a session or nothing. */
  private session(calls: unknown, startMs: number, name: string): void {
    if (!Array.isArray(calls) || calls.length === 0 || !calls.every(isObject)) {
      throw expectedError('sub_requests', 'an array of at least one object', calls)
    }
    let arrivalMs = startMs
    const all = calls.map((call) => {
      const read = callOf(call, arrivalMs, name)
      const thinkMs = nanoseconds(call, 'tool_duration_ns')
      // As early as can be: how long an answer takes is not part of the traffic.
      arrivalMs += thinkMs
      return { ...read, thinkMs }
    })
    let before: { readonly row: number; readonly thinkMs: number } | undefined
    for (const { record, blocks, thinkMs } of all) {
      if (before !== undefined) {
        record.predecessor = before.row
        record.thinkMs = before.thinkMs
      }
      before = { row: this.collector.add(record, blocks), thinkMs }
    }
  }
}

function callOf(call: JsonObject, arrivalMs: number, session: string | undefined): Call {
  const needed = (name: string): unknown => neededField(call, name, KNOWN)
  const promptTokens = integer('input_toks', needed('input_toks'), 1)
  const outputTokens = integer('output_toks', needed('output_toks'), 0)
  checkTotalTokens(promptTokens, outputTokens)
  const record: TraceRecord = { arrivalMs, promptTokens, outputTokens }
  if (session !== undefined) record.session = session
  const ids = call['input_tok_ids'] ?? undefined
  if (ids === undefined) return { record, blocks: undefined }
  if (!Array.isArray(ids) || !ids.every(Number.isInteger)) {
    throw expectedError('input_tok_ids', 'an array of integers', ids)
  }
  if (ids.length > promptTokens) {
    throw expectedError('input_tok_ids', `at most ${promptTokens} (input_toks)`, ids.length)
  }
  const tokens = TEXT_BLOCK_TOKENS
  const whole = Math.floor(ids.length / tokens)
  const contents = Array.from({ length: whole }, (_, i) =>
    ids.slice(i * tokens, (i + 1) * tokens).join(' '),
  )
  return { record, blocks: { ids: contents, tokens } }
}

/** A time or duration, in ms; 0 when it is not there. */
function nanoseconds(line: JsonObject, name: string): number {
  return milliseconds(name, neededField(line, name, KNOWN) ?? 0) / 1e6
}
