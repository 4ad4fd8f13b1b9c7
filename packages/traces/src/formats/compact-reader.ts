import type { HashedBlocks, TraceRecord } from '../columns/trace-record.js'
import { TurnLinks } from '../columns/turn-links.js'
import {
  blockIds,
  checkTotalTokens,
  expectedError,
  integer,
  type JsonObject,
  milliseconds,
  neededField,
  optionalName,
  parseObject,
  signedInteger,
  yesOrNo,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { BLOCK_IDS, TEMPLATE_FIELDS } from '../template/fields.js'
import type { LineReader } from './line-reader.js'

const KNOWN: ReadonlySet<string> = new Set([...TEMPLATE_FIELDS.compact_jsonl!.keys(), BLOCK_IDS])

/** Columns of names, and what the format calls them. */
export const COMPACT_NAMES = [
  ['prefixHash', 'prefix_hash'],
  ['session', 'conversation_id'],
  ['adapter', 'lora_adapter'],
  ['user', 'user'],
  ['tenant', 'tenant'],
  ['model', 'model'],
  ['sloClass', 'slo_class'],
] as const

/**
 * Compact JSONL: `ts` (ms), `prompt_tokens`, `gen_tokens`, and optionally `prefix_hash` with
 * `prefix_len`, `conversation_id`, `lora_adapter`, `priority`. Extensions: `max_tokens`, `user`,
 * `tenant`, `model`, and `hash_ids` with `block_size` (one length, or the length of each block);
 * `slo_class`, `ttft_ms`, `deadline_ms`; and `think_ms` for a request that is sent so long after the one named by
 * `after` (its `id`), or by all ids of a list, else after the turn before it, has ended: it needs no `ts`. With
 * `any_end` it is sent however these end, else only if they are completed.
 */
export class CompactReader implements LineReader {
  private readonly source: string
  private readonly collector: RecordCollector
  private readonly blockTokens: number
  private readonly links: TurnLinks

  constructor(source: string, collector: RecordCollector, blockTokens: number) {
    this.source = source
    this.collector = collector
    this.blockTokens = blockTokens
    this.links = new TurnLinks(collector.columns)
  }

  line(text: string, number: number): void {
    const where = `${this.source}:${number}`
    this.collector.attempt(where, () => {
      const line = parseObject(text)
      this.collector.misspelled.look(line, KNOWN, where)
      const waits = (line['think_ms'] ?? line['after'] ?? undefined) !== undefined
      const hasTime = !waits || (line['ts'] ?? undefined) !== undefined
      const record = recordOf(hasTime ? line : { ...line, ts: 0 })
      const anyEnd = line['any_end'] ?? undefined
      if (anyEnd !== undefined) record.anyEnd = yesOrNo('any_end', anyEnd)
      if (waits) this.follow(record, line, hasTime)
      else if (record.anyEnd === true)
        throw expectedError('any_end', 'think_ms or after beside it', true)
      const blocks = this.blocksOf(line, text)
      const id = optionalName('id', line['id'])
      if (id !== undefined) this.links.name(id)
      try {
        this.collector.add(record, blocks)
      } catch (error) {
        if (id !== undefined) this.links.forget(id)
        throw error
      }
    })
  }

  private follow(record: TraceRecord, line: JsonObject, hasTime: boolean): void {
    const { links } = this
    const [after, ...others] = idsOf(line['after'])
    const thinkMs = milliseconds('think_ms', line['think_ms'] ?? 0)
    if (after === undefined && record.session === undefined) {
      throw expectedError('think_ms', 'a conversation_id or after beside it', thinkMs)
    }
    const row = after === undefined ? links.lastTurn(record.session!) : links.rowOf(after)
    const joins = others.map((name) => links.rowOf(name))
    if (row >= 0) links.follow(record, row, thinkMs, hasTime, 'ts', joins)
    else if (!hasTime) throw expectedError('ts', 'a number from 0 to 2^53', line['ts'])
  }

  end(): void {}

  private blocksOf(line: JsonObject, text: string): HashedBlocks | undefined {
    const ids = line['hash_ids']
    if (ids === undefined || ids === null) return undefined
    const size = line['block_size'] ?? this.blockTokens
    const tokens = Array.isArray(size)
      ? size.map((length) => integer('block_size', length, 1))
      : integer('block_size', size, 1)
    return { ids: blockIds(ids, text), tokens }
  }
}

/** The ids that a request waits for, given as one or as a list. */
function idsOf(after: unknown): string[] {
  const ids = Array.isArray(after) ? after : [after]
  return ids.flatMap((id) => optionalName('after', id) ?? [])
}

function recordOf(line: JsonObject): TraceRecord {
  const needed = (name: string): unknown => neededField(line, name, KNOWN)
  const record: TraceRecord = {
    arrivalMs: milliseconds('ts', needed('ts')),
    promptTokens: integer('prompt_tokens', needed('prompt_tokens'), 1),
    outputTokens: integer('gen_tokens', needed('gen_tokens'), 0),
  }
  checkTotalTokens(record.promptTokens, record.outputTokens)
  for (const [field, name] of COMPACT_NAMES) {
    const value = optionalName(name, line[name])
    if (value !== undefined) record[field] = value
  }
  const prefix = line['prefix_len'] ?? undefined
  if (prefix !== undefined) record.prefixTokens = integer('prefix_len', prefix, 0)
  const max = line['max_tokens'] ?? undefined
  if (max !== undefined) record.maxTokens = integer('max_tokens', max, 0)
  const priority = line['priority'] ?? undefined
  if (priority !== undefined) record.priority = signedInteger('priority', priority)
  const ttft = line['ttft_ms'] ?? undefined
  // 0 is how a table says that none is asked for: it must not be taken for that.
  if (ttft === 0) throw expectedError('ttft_ms', 'an integer >= 1, or no ttft_ms for no target', 0)
  if (ttft !== undefined) record.ttftSloMs = integer('ttft_ms', ttft, 1)
  const deadline = line['deadline_ms'] ?? undefined
  if (deadline !== undefined) record.deadlineMs = milliseconds('deadline_ms', deadline)
  return record
}
