import type { HashedBlocks, TraceRecord } from '../columns/trace-record.js'
import {
  blockIds,
  checkTotalTokens,
  integer,
  type JsonObject,
  milliseconds,
  optionalName,
  parseObject,
  signedInteger,
} from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import type { LineReader } from './line-reader.js'

/** Columns of names, and what the format calls them. */
export const COMPACT_NAMES = [
  ['prefixHash', 'prefix_hash'],
  ['session', 'conversation_id'],
  ['adapter', 'lora_adapter'],
  ['user', 'user'],
  ['tenant', 'tenant'],
  ['model', 'model'],
] as const

/**
 * Compact JSONL: `ts` (ms), `prompt_tokens`, `gen_tokens`, and optionally `prefix_hash` with
 * `prefix_len`, `conversation_id`, `lora_adapter`, `priority`. Extensions: `max_tokens`, `user`,
 * `tenant`, `model`, and `hash_ids` with `block_size` (one length, or the length of each block).
 */
export class CompactReader implements LineReader {
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
      this.collector.add(recordOf(line), this.blocksOf(line, text))
    })
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

function recordOf(line: JsonObject): TraceRecord {
  const record: TraceRecord = {
    arrivalMs: milliseconds('ts', line['ts']),
    promptTokens: integer('prompt_tokens', line['prompt_tokens'], 1),
    outputTokens: integer('gen_tokens', line['gen_tokens'], 0),
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
  return record
}
