import { NO_NODE, type RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import type { HashedBlocks, TraceRecord } from '../columns/trace-record.js'
import { BlockNumbering } from '../stats/block-numbering.js'
import { awaitedRows } from '../writing/awaited-rows.js'
import { declarePrefixes } from '../writing/declare-prefixes.js'
import type { EncodedTrace } from '../writing/encoded-trace.js'
import { commonBlockSize, ownBlockSize } from './common-block-size.js'
import { COMPACT_NAMES } from './compact-reader.js'

/**
 * Compact JSONL loses nothing. What prompts share is written as prefixes and conversations where
 * those say it exactly and the trace has no blocks of its own; else as the path in the prompt tree, in
 * `hash_ids` and `block_size`.
 */
export function encodeCompact(
  table: RequestTable,
  prefixHashes: PrefixHashes | undefined,
): EncodedTrace {
  const { records, exact } = declarePrefixes(table, prefixHashes)
  const isDeclared = exact && ownBlockSize(table) === undefined
  const lines = isDeclared ? declared(records) : explicit(table, records, prefixHashes)
  const isNamed = awaitedRows(table)
  return {
    lines: isNamed === undefined ? asJson(lines) : withWaits(lines, records, isNamed),
    lost: [],
  }
}

type Fields = Record<string, unknown>

function* asJson(lines: Iterable<Fields>): Generator<string> {
  for (const fields of lines) yield JSON.stringify(fields)
}

/** Says what waits for what: by the id of a row, where it is not the turn before. */
function* withWaits(
  lines: Iterable<Fields>,
  records: readonly TraceRecord[],
  isNamed: ReadonlySet<number>,
): Generator<string> {
  let row = 0
  for (const fields of lines) {
    const { predecessor, joins = [], thinkMs, anyEnd } = records[row]!
    if (isNamed.has(row)) fields['id'] = `r${row}`
    if (predecessor !== undefined) fields['think_ms'] = thinkMs
    if (predecessor !== undefined && isNamed.has(predecessor)) {
      const names = [predecessor, ...joins].map((awaited) => `r${awaited}`)
      fields['after'] = names.length === 1 ? names[0] : names
    }
    fields['any_end'] = anyEnd
    yield JSON.stringify(fields)
    row++
  }
}

function* declared(records: readonly TraceRecord[]): Generator<Fields> {
  for (const record of records) yield fieldsOf(record)
}

function* explicit(
  table: RequestTable,
  records: readonly TraceRecord[],
  prefixHashes: PrefixHashes | undefined,
): Generator<Fields> {
  const { endTokens } = table.prompts
  const blockTokens = commonBlockSize(table)
  const blocksOf = blockTokens === undefined ? nodePaths(table) : blockPaths(table, blockTokens)
  for (let row = 0; row < records.length; row++) {
    const record = records[row]!
    const node = table.promptNode[row]!
    delete record.prefixTokens
    if (prefixHashes === undefined) delete record.prefixHash
    const prefix = table.prefixTokens[row]!
    const covered = node === NO_NODE ? 0 : Math.min(endTokens[node]!, record.promptTokens)
    if (prefix !== covered) record.prefixTokens = prefix
    // A turn without shared content must say so, or it would be taken to extend its conversation.
    const needed = node !== NO_NODE || record.session !== undefined || prefix > 0
    const blocks = needed ? blocksOf(row) : undefined
    yield fieldsOf(record, blocks)
  }
}

/** Content as blocks of one size. */
function blockPaths(table: RequestTable, blockTokens: number): (row: number) => HashedBlocks {
  const numbering = new BlockNumbering(table, blockTokens)
  return (row) => ({ ids: numbering.blocksOf(row), tokens: blockTokens })
}

/** Content as the nodes of the prompt tree, with their lengths where they differ. */
function nodePaths(table: RequestTable): (row: number) => HashedBlocks {
  const { parent, startTokens, endTokens, size } = table.prompts
  let longest = 1
  for (let node = 0; node < size; node++) {
    longest = Math.max(longest, endTokens[node]! - startTokens[node]!)
  }
  return (row) => {
    const ids: number[] = []
    for (let node = table.promptNode[row]!; node !== NO_NODE; node = parent[node]!) ids.push(node)
    ids.reverse()
    const tokens = ids.map((node) => endTokens[node]! - startTokens[node]!)
    const prompt = table.promptTokens[row]!
    const uniform = tokens.every((length, i) => length === Math.min(longest, prompt - i * longest))
    return { ids, tokens: uniform ? longest : tokens }
  }
}

function fieldsOf(record: TraceRecord, blocks?: HashedBlocks): Fields {
  const fields: Fields = {
    ts: record.arrivalMs,
    prompt_tokens: record.promptTokens,
    gen_tokens: record.outputTokens,
  }
  for (const [field, name] of COMPACT_NAMES) fields[name] = record[field]
  fields['prefix_len'] = record.prefixTokens
  fields['priority'] = record.priority
  fields['ttft_ms'] = record.ttftSloMs
  fields['deadline_ms'] = record.deadlineMs
  fields['max_tokens'] = record.maxTokens
  fields['hash_ids'] = blocks?.ids
  fields['block_size'] = blocks?.ids.length === 0 ? undefined : blocks?.tokens
  return fields
}
