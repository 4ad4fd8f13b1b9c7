import { NO_NODE, type RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import { lowerRecords } from '../columns/lower-records.js'
import { repeatedTokens } from '../columns/session-prompts.js'
import type { TraceRecord } from '../columns/trace-record.js'
import { equal, sharesTheSame } from './lost-columns.js'
import { recordOfRow } from './table-records.js'

interface Turn {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly declared: number
  readonly name: string | undefined
}

/**
 * Says what prompts share in the words of a trace: named prefixes and conversations. Without given
 * names a prefix is called after its root in the tree.
 * @returns the records, and whether they say all of it
 */
export function declarePrefixes(
  table: RequestTable,
  given: PrefixHashes | undefined,
): { records: TraceRecord[]; exact: boolean } {
  const nameOfRoot = new RootNames(table)
  const lastTurn = new Map<number, Turn>()
  const records: TraceRecord[] = []
  for (let row = 0; row < table.size; row++) {
    const record = recordOfRow(table, row)
    const session = table.session[row]!
    const previous = session < 0 ? undefined : lastTurn.get(session)
    const label = given?.names[given.of[row]!]
    const prefix = table.prefixTokens[row]!
    let repeated = previous === undefined ? 0 : repeatedTokens(previous, record.promptTokens)
    const before = previous?.name
    if (before !== undefined && label !== undefined && before !== label) repeated = 0
    const declared =
      prefix > repeated ? prefix : Math.min(previous?.declared ?? 0, record.promptTokens)
    const name = given === undefined && declared > 0 ? nameOfRoot.of(row) : label
    if (name !== undefined) {
      record.prefixHash = name
      if (declared > 0) record.prefixTokens = declared
    }
    records.push(record)
    if (session < 0) continue
    const { promptTokens, outputTokens } = record
    const kept = name === undefined && repeated > 0
    lastTurn.set(session, {
      promptTokens,
      outputTokens,
      declared: kept ? previous!.declared : declared,
      name: kept ? previous!.name : name,
    })
  }
  const back = lowerRecords(records, 'extend').table
  const exact = equal(table.prefixTokens, back.prefixTokens) && sharesTheSame(table, back)
  return { records, exact }
}

/** Names the roots of the prompt tree in order of first use. */
class RootNames {
  private readonly table: RequestTable
  private readonly root: Int32Array
  private readonly names = new Map<number, string>()

  constructor(table: RequestTable) {
    this.table = table
    const { size, parent } = table.prompts
    this.root = new Int32Array(size)
    for (let node = 0; node < size; node++) {
      const above = parent[node]!
      this.root[node] = above === NO_NODE ? node : this.root[above]!
    }
  }

  of(row: number): string | undefined {
    const node = this.table.promptNode[row]!
    if (node === NO_NODE) return undefined
    const root = this.root[node]!
    let name = this.names.get(root)
    if (name === undefined) {
      name = `p${this.names.size}`
      this.names.set(root, name)
    }
    return name
  }
}
