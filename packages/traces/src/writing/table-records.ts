import { awaitedBy, type RequestTable } from '@routesim/core'
import type { TraceRecord } from '../columns/trace-record.js'

const NAMES = ['session', 'user', 'tenant', 'model', 'adapter', 'sloClass'] as const

/** One row as a record, without its prompt's content. */
export function recordOfRow(table: RequestTable, row: number): TraceRecord {
  const record: TraceRecord = {
    arrivalMs: table.arrivalMs[row]!,
    promptTokens: table.promptTokens[row]!,
    outputTokens: table.outputTokens[row]!,
  }
  if (table.maxTokens[row] !== 0) record.maxTokens = table.maxTokens[row]!
  for (const name of NAMES) {
    const id = table[name]?.[row] ?? -1
    if (id >= 0) record[name] = table.strings[id]!
  }
  if (table.priority[row] !== 0) record.priority = table.priority[row]!
  if (table.ttftSloMs[row] !== 0) record.ttftSloMs = table.ttftSloMs[row]!
  const deadlineMs = table.deadlineMs?.[row] ?? Number.NaN
  if (!Number.isNaN(deadlineMs)) record.deadlineMs = deadlineMs
  const predecessor = table.predecessor?.[row] ?? -1
  if (predecessor >= 0) {
    record.predecessor = predecessor
    record.thinkMs = table.thinkMs?.[row] ?? 0
    const [, ...joins] = awaitedBy(table, row)
    if (joins.length > 0) record.joins = joins
    if (table.anyEnd?.[row] === 1) record.anyEnd = true
  }
  return record
}
