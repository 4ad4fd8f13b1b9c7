import type { RequestTable } from '@routesim/core'
import type { TraceRecord } from '../columns/trace-record.js'
import {
  blockIds,
  checkTotalTokens,
  expectedError,
  integer,
  neededField,
  optionalName,
  parseObject,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { BlockNumbering } from '../stats/block-numbering.js'
import { secondsOf } from './azure-writer.js'
import { statedBlockTokens } from './block-tokens.js'
import type { LineReader } from './line-reader.js'

const KNOWN: ReadonlySet<string> = new Set([
  'chat_id',
  'parent_chat_id',
  'timestamp',
  'input_length',
  'output_length',
  'hash_ids',
  'block_size',
])

/**
 * Bailian JSONL (Alibaba's Qwen traces): `chat_id`, `parent_chat_id` (-1 for none), `timestamp` (s),
 * `input_length`, `output_length`, `hash_ids`, and as an extension `block_size` where it is not 16. Chats that
 * follow one another are one session, called after the first of them.
 */
export class BailianReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly blockTokens: number
  /** Per chat, its row, and the first chat of its session. */
  private readonly chats = new Map<string, { readonly row: number; readonly first: string }>()

  constructor(source: string, collector: RecordCollector, blockTokens: number) {
    this.source = source
    this.collector = collector
    this.blockTokens = blockTokens
  }

  line(text: string, number: number): void {
    this.collector.attempt(`${this.source}:${number}`, () => {
      const line = parseObject(text)
      const needed = (name: string): unknown => neededField(line, name, KNOWN)
      const seconds = needed('timestamp')
      if (!(typeof seconds === 'number' && seconds >= 0 && seconds <= 2 ** 43)) {
        throw expectedError('timestamp', 'a number of seconds from 0 to 2^43', seconds)
      }
      const record: TraceRecord = {
        arrivalMs: seconds * 1000 + 0,
        promptTokens: integer('input_length', needed('input_length'), 1),
        outputTokens: integer('output_length', needed('output_length'), 0),
      }
      checkTotalTokens(record.promptTokens, record.outputTokens)
      const chat = optionalName('chat_id', needed('chat_id'))
      if (chat === undefined) throw expectedError('chat_id', 'an integer', line['chat_id'])
      const parent = optionalName('parent_chat_id', line['parent_chat_id'])
      const before = parent === undefined || parent === '-1' ? undefined : this.chats.get(parent)
      if (before !== undefined) record.session = before.first
      const ids = line['hash_ids'] ?? undefined
      const tokens = integer('block_size', line['block_size'] ?? this.blockTokens, 1)
      const blocks = ids === undefined ? undefined : { ids: blockIds(ids, text), tokens }
      const row = this.collector.add(record, blocks)
      this.chats.set(chat, { row, first: before?.first ?? chat })
      // Only now it shows that the first one has a session.
      const { requests, names } = this.collector.columns
      if (before !== undefined && requests.session.get(before.row) < 0) {
        requests.session.set(before.row, names.ofString(before.first))
      }
    })
  }

  end(): void {}
}

/**
 * Bailian JSONL holds arrivals, lengths, which turn follows which, and whole blocks. Lines say the size of blocks
 * that are not of 16 tokens, as an extension.
 */
export function* bailianLines(table: RequestTable, blockTokens: number): Generator<string> {
  const block_size = statedBlockTokens('bailian', blockTokens)
  const numbering = new BlockNumbering(table, blockTokens)
  const ids = chatIds(table)
  const last = new Map<number, { readonly row: number; readonly turn: number }>()
  for (let row = 0; row < table.size; row++) {
    const session = table.session[row]!
    const before = session < 0 ? undefined : last.get(session)
    const turn = (before?.turn ?? 0) + 1
    if (session >= 0) last.set(session, { row, turn })
    yield JSON.stringify({
      chat_id: ids[row],
      parent_chat_id: before === undefined ? -1 : ids[before.row],
      timestamp: secondsOf(table.arrivalMs[row]!),
      input_length: table.promptTokens[row],
      output_length: table.outputTokens[row],
      type: 'text',
      turn,
      hash_ids: numbering.blocksOf(row),
      block_size,
    })
  }
}

/** The first chat of a session is called like it where sessions are numbers; the others are not. */
function chatIds(table: RequestTable): number[] {
  const isNumber = table.strings.map((name) => /^(0|[1-9]\d{0,8})$/.test(name))
  let free =
    1 +
    table.strings.reduce((most, name, i) => (isNumber[i] ? Math.max(most, Number(name)) : most), -1)
  const seen = new Set<number>()
  return Array.from({ length: table.size }, (_, row) => {
    const session = table.session[row]!
    const isFirst = session >= 0 && !seen.has(session)
    seen.add(session)
    return isFirst && isNumber[session] ? Number(table.strings[session]) : free++
  })
}
