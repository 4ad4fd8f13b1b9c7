import type { TraceRecord } from '../columns/trace-record.js'
import { IdRuns } from '../prompts/id-runs.js'
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
import type { LineReader } from './line-reader.js'

interface Call {
  readonly row: number
  /** When it arrived and, as far as the trace knows, was answered; ms since the session began. */
  readonly startMs: number
  readonly endMs: number
}

/**
 * Agentic sessions, one a line: `id`, `block_size`, `hash_id_scope`, and `requests`, each with `t` (s
 * since the session began), `in`, `out`, `think_time` (s since the answer before) and `hash_ids` or
 * their runs, `hash_ranges`. Each call is sent when the one before it has been answered and the time
 * for thinking and tools has passed. A `subagent` has `requests` of its own, which begin after the call
 * before it and run beside those that follow. The trace does not say when sessions begin: all at 0.
 */
export class AgenticReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly runs = new IdRuns()
  /** Added to the ids of a session whose ids mean nothing elsewhere. */
  private idBase = 0
  private largestId = 0

  constructor(source: string, collector: RecordCollector) {
    this.source = source
    this.collector = collector
  }

  line(text: string, number: number): void {
    const where = `${this.source}:${number}`
    let session: JsonObject | undefined
    let name = `session_${number}`
    this.collector.attempt(where, () => {
      const line = parseObject(text)
      if (!Array.isArray(line['requests'])) {
        throw expectedError('requests', 'an array', line['requests'])
      }
      integer('block_size', line['block_size'], 1)
      const scope = line['hash_id_scope'] ?? 'local'
      if (scope !== 'local' && scope !== 'global') {
        throw expectedError('hash_id_scope', '"local" or "global"', scope)
      }
      name = optionalName('id', line['id']) ?? name
      session = line
    })
    if (session === undefined) return
    if (session['hash_id_scope'] !== 'global') this.idBase += this.largestId + 1
    this.largestId = 0
    const blockTokens = session['block_size'] as number
    this.calls(session['requests'] as readonly unknown[], { name, blockTokens, where }, undefined)
  }

  end(): void {}

  private calls(
    requests: readonly unknown[],
    session: { readonly name: string; readonly blockTokens: number; readonly where: string },
    spawnedBy: Call | undefined,
  ): void {
    let before = spawnedBy
    requests.forEach((request, i) => {
      const where = `${session.where}: request ${i + 1}`
      let nested: readonly unknown[] = []
      let agent = `${i + 1}`
      this.collector.attempt(where, () => {
        if (!isObject(request)) throw expectedError('requests', 'an object', request)
        const inner = request['requests'] ?? undefined
        if (inner === undefined) {
          before = this.call(request, session.name, session.blockTokens, before)
          return
        }
        if (!Array.isArray(inner)) throw expectedError('requests', 'an array', inner)
        agent = optionalName('agent_id', request['agent_id']) ?? agent
        nested = inner
      })
      if (nested.length > 0) {
        this.calls(nested, { ...session, name: `${session.name}/${agent}`, where }, before)
      }
    })
  }

  private call(
    request: JsonObject,
    session: string,
    blockTokens: number,
    before: Call | undefined,
  ): Call {
    const startMs = milliseconds('t', request['t'])
    const record: TraceRecord = {
      arrivalMs: startMs,
      promptTokens: integer('in', request['in'], 1),
      outputTokens: integer('out', request['out'], 0),
      session,
    }
    checkTotalTokens(record.promptTokens, record.outputTokens)
    const model = optionalName('model', request['model'])
    if (model !== undefined) record.model = model
    const apiMs = milliseconds('api_time', request['api_time'] ?? 0)
    if (before !== undefined) {
      const given = request['think_time'] ?? undefined
      const thinkMs =
        given === undefined
          ? Math.max(0, startMs - before.endMs)
          : milliseconds('think_time', given)
      record.predecessor = before.row
      record.thinkMs = thinkMs
      // As early as can be: how long answers took when it was recorded is not part of the traffic.
      record.arrivalMs = this.collector.columns.requests.arrivalMs(before.row) + thinkMs
    }
    this.readIds(request)
    const row = this.collector.columns.addRuns(record, this.runs, blockTokens)
    return { row, startMs, endMs: startMs + apiMs }
  }

  /** The blocks of a call, whose tokens beyond the last whole one are its own. */
  private readIds(request: JsonObject): void {
    const { runs } = this
    runs.clear()
    const ranges = request['hash_ranges'] ?? undefined
    const ids = request['hash_ids'] ?? undefined
    if (ranges !== undefined) {
      if (!Array.isArray(ranges)) throw expectedError('hash_ranges', 'an array', ranges)
      for (const range of ranges) {
        if (!Array.isArray(range) || range.length !== 2) {
          throw expectedError('hash_ranges', 'pairs of first and last id', range)
        }
        const first = integer('hash_ranges', range[0], 0)
        const last = integer('hash_ranges', range[1], first)
        this.push(first, last)
      }
    } else if (ids !== undefined) {
      if (!Array.isArray(ids)) throw expectedError('hash_ids', 'an array', ids)
      for (const id of ids) this.push(integer('hash_ids', id, 0), id as number)
    }
  }

  private push(first: number, last: number): void {
    this.largestId = Math.max(this.largestId, last)
    this.runs.pushRun(first + this.idBase, last + this.idBase)
  }
}

function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 2 ** 43) return value * 1000 + 0
  throw expectedError(name, 'a number of seconds from 0 to 2^43', value)
}
