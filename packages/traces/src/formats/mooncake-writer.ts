import type { RequestTable } from '@routesim/core'
import { lowerColumns, type PrefixHashes } from '../columns/lower-columns.js'
import { TraceColumns } from '../columns/trace-columns.js'
import type { TraceRecord } from '../columns/trace-record.js'
import { BlockNumbering } from '../stats/block-numbering.js'
import type { EncodedTrace } from '../writing/encoded-trace.js'
import { lostColumns } from '../writing/lost-columns.js'
import { statedBlockTokens } from './block-tokens.js'

/**
 * Mooncake JSONL holds arrivals, lengths, sessions and what prompts share in whole blocks; a block
 * whose content is known only in part gets no id. Lines say the size of blocks that are not of 512 tokens, as an
 * extension.
 */
export function encodeMooncake(
  table: RequestTable,
  prefixHashes: PrefixHashes | undefined,
  blockTokens: number,
): EncodedTrace {
  const block_size = statedBlockTokens('mooncake', blockTokens)
  const numbering = new BlockNumbering(table, blockTokens)
  const columns = new TraceColumns()
  const lines: string[] = []
  const lastOfSession = new Map<number, number>()
  for (let row = 0; row < table.size; row++) {
    const record: TraceRecord = {
      arrivalMs: table.arrivalMs[row]!,
      promptTokens: table.promptTokens[row]!,
      outputTokens: table.outputTokens[row]!,
    }
    const session = table.strings[table.session[row]!]
    if (session !== undefined) record.session = session
    // The turn before is all that the format can wait for.
    const of = table.session[row]!
    const before = table.predecessor?.[row] ?? -1
    const delay = before >= 0 && lastOfSession.get(of) === before ? table.thinkMs?.[row] : undefined
    if (delay !== undefined) {
      record.predecessor = before
      record.thinkMs = delay
    }
    if (of >= 0) lastOfSession.set(of, row)
    const ids = numbering.blocksOf(row)
    lines.push(
      JSON.stringify({
        timestamp: record.arrivalMs,
        input_length: record.promptTokens,
        output_length: record.outputTokens,
        hash_ids: ids,
        block_size,
        session_id: session,
        delay,
      }),
    )
    columns.add(record, { ids, tokens: blockTokens })
  }
  const lost = lostColumns(table, lowerColumns(columns, 'extend').table)
  if (prefixHashes !== undefined) lost.push('prefix_hash')
  return { lines, lost }
}
