import type { RequestTable } from '@routesim/core'
import { lowerColumns, type PrefixHashes } from '../columns/lower-columns.js'
import type { LineReader } from '../formats/line-reader.js'
import { RecordCollector } from '../reading/record-collector.js'
import { lostColumns } from './lost-columns.js'

/**
 * The columns in which a table differs from what a reader makes of the lines that were written of it.
 * Lines must be in order of rows.
 */
export function lostOnReading(
  table: RequestTable,
  prefixHashes: PrefixHashes | undefined,
  lines: Iterable<string>,
  reader: (source: string, collector: RecordCollector) => LineReader,
): string[] {
  const collector = new RecordCollector('fail')
  const taker = reader('<written>', collector)
  let number = 0
  for (const line of lines) taker.line(line, ++number)
  taker.end()
  const back = lowerColumns(collector.columns, 'extend')
  const lost = lostColumns(table, back.table)
  const names = ({ of, names: all }: PrefixHashes, row: number): string | undefined => all[of[row]!]
  if (prefixHashes !== undefined) {
    for (let row = 0; row < table.size; row++) {
      if (names(prefixHashes, row) === names(back.prefixHashes, row)) continue
      lost.push('prefix_hash')
      break
    }
  }
  return lost
}
