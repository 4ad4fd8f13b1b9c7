import type { RequestTable, RequestTableBuilder } from '@routesim/core'
import { placePrefix, SessionPrompts } from './session-prompts.js'
import type { TraceRecord } from './trace-record.js'

/**
 * Whether the turns of a conversation without hashed blocks extend one another (`extend`), or
 * share only the prefix they declare (`independent`).
 */
export type SessionPromptsMode = 'extend' | 'independent'

/**
 * The `prefix_hash` strings of a trace, one per row. The table itself knows what prompts share but
 * not what the trace called it; pass them to `writeTrace` and the names survive.
 */
export interface PrefixHashes {
  /** Per row of the table, an index into `names`, -1 for none. */
  readonly of: Int32Array
  readonly names: readonly string[]
}

/** A table and the prefix names of its rows. */
export interface LoweredRecords {
  readonly table: RequestTable
  readonly prefixHashes: PrefixHashes
}

/**
 * Turns records into a table: sorted by arrival (records that arrive together keep their order),
 * prompts placed in the tree. Consumes the records.
 */
export function lowerRecords(
  records: TraceRecord[],
  builder: RequestTableBuilder,
  sessionPrompts: SessionPromptsMode,
): LoweredRecords {
  records.sort((a, b) => a.arrivalMs - b.arrivalMs)
  const sessions = new SessionPrompts(builder.prompts)
  const of = new Int32Array(records.length)
  const names: string[] = []
  const idOfName = new Map<string, number>()
  for (let row = 0; row < records.length; row++) {
    const record = records[row]!
    if (record.promptNode === undefined) {
      if (record.session !== undefined && sessionPrompts === 'extend') {
        sessions.place(record, record.session)
      } else placePrefix(builder.prompts, record)
    }
    builder.add(record)
    const name = record.prefixHash
    let id = name === undefined ? -1 : idOfName.get(name)
    if (id === undefined) {
      id = names.push(name!) - 1
      idOfName.set(name!, id)
    }
    of[row] = id
  }
  return { table: builder.build(), prefixHashes: { of, names } }
}
