import type { RequestTable } from '@routesim/core'
import { lowerColumns, type PrefixHashes } from '../columns/lower-columns.js'
import { TraceColumns } from '../columns/trace-columns.js'
import type { TraceRecord } from '../columns/trace-record.js'
import { BlockNumbering } from '../stats/block-numbering.js'
import type { EncodedTrace } from '../writing/encoded-trace.js'
import { lostColumns } from '../writing/lost-columns.js'

/**
 * Mooncake JSONL holds arrivals, lengths, sessions and what prompts share in whole blocks; a block
 * whose content is known only in part gets no id.
 */
export function encodeMooncake(
  table: RequestTable,
  prefixHashes: PrefixHashes | undefined,
  blockTokens: number,
): EncodedTrace {
  const numbering = new BlockNumbering(table, blockTokens)
  const columns = new TraceColumns()
  const lines: string[] = []
  for (let row = 0; row < table.size; row++) {
    const record: TraceRecord = {
      arrivalMs: table.arrivalMs[row]!,
      promptTokens: table.promptTokens[row]!,
      outputTokens: table.outputTokens[row]!,
    }
    const session = table.strings[table.session[row]!]
    if (session !== undefined) record.session = session
    const ids = numbering.blocksOf(row)
    lines.push(
      JSON.stringify({
        timestamp: record.arrivalMs,
        input_length: record.promptTokens,
        output_length: record.outputTokens,
        hash_ids: ids,
        session_id: session,
      }),
    )
    columns.add(record, { ids, tokens: blockTokens })
  }
  const lost = lostColumns(table, lowerColumns(columns, 'extend').table)
  if (prefixHashes !== undefined && prefixHashes.names.length > 0) lost.push('prefix_hash')
  return { lines, lost }
}
