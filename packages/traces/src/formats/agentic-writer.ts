import type { RequestTable } from '@routesim/core'
import { BlockNumbering } from '../stats/block-numbering.js'
import { awaitedRows } from '../writing/awaited-rows.js'
import type { EncodedTrace } from '../writing/encoded-trace.js'
import { recordOfRow } from '../writing/table-records.js'
import { secondsOf } from './azure-writer.js'

/**
 * Agentic session JSONL holds the lengths, think times and whole blocks of conversations, one a line,
 * with ids that are good in the whole file; not when a conversation begins.
 */
export function encodeAgentic(table: RequestTable, blockTokens: number): EncodedTrace {
  return { lines: agenticLines(table, blockTokens), lost: lostColumns(table, blockTokens) }
}

const NOT_HELD = [
  'user',
  'tenant',
  'adapter',
  'sloClass',
  'deadlineMs',
  'maxTokens',
  'priority',
] as const

/** What the format has no place for. Its rows come in another order, so reading them back would not tell. */
function lostColumns(table: RequestTable, blockTokens: number): string[] {
  const { arrivalMs, predecessor, prefixTokens, promptNode, promptTokens, prompts, session, size } =
    table
  const lost = new Set<string>()
  const seen = new Set<number>()
  if ((awaitedRows(table)?.size ?? 0) > 0) lost.add('predecessor')
  for (let row = 0; row < size; row++) {
    const record = recordOfRow(table, row)
    for (const column of NOT_HELD) if (record[column] !== undefined) lost.add(column)
    const of = session[row]!
    const isLater = of >= 0 && seen.has(of)
    if (of < 0) lost.add('session')
    else seen.add(of)
    if (isLater ? (predecessor?.[row] ?? -1) < 0 : arrivalMs[row]! > 0) lost.add('arrivalMs')
    const node = promptNode[row]!
    const known = node < 0 ? 0 : Math.min(prompts.endTokens[node]!, promptTokens[row]!)
    if (known % blockTokens > 0) lost.add('prompts')
    if (prefixTokens[row]! !== known - (known % blockTokens)) lost.add('prefixTokens')
  }
  return [...lost]
}

function* agenticLines(table: RequestTable, blockTokens: number): Generator<string> {
  const rowsOf = new Map<number | string, number[]>()
  for (let row = 0; row < table.size; row++) {
    const session = table.session[row]!
    const key = session < 0 ? `row ${row}` : session
    const rows = rowsOf.get(key)
    if (rows === undefined) rowsOf.set(key, [row])
    else rows.push(row)
  }
  const numbering = new BlockNumbering(table, blockTokens)
  for (const [key, rows] of rowsOf) {
    const startMs = table.arrivalMs[rows[0]!]!
    yield JSON.stringify({
      id: typeof key === 'number' ? table.strings[key] : key,
      block_size: blockTokens,
      hash_id_scope: 'global',
      requests: rows.map((row) => ({
        t: secondsOf(table.arrivalMs[row]! - startMs),
        type: 'n',
        in: table.promptTokens[row],
        out: table.outputTokens[row],
        think_time: secondsOf(table.thinkMs?.[row] ?? 0),
        model: table.strings[table.model[row]!],
        hash_ranges: rangesOf(
          wholeBlocks(numbering.blocksOf(row), table.promptTokens[row]!, blockTokens),
        ),
      })),
    })
  }
}

/** The format has no partial blocks. */
function wholeBlocks(
  ids: readonly number[],
  promptTokens: number,
  blockTokens: number,
): readonly number[] {
  return ids.slice(0, Math.floor(promptTokens / blockTokens))
}

function rangesOf(ids: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const id of ids) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === id - 1) last[1] = id
    else ranges.push([id, id])
  }
  return ranges
}
