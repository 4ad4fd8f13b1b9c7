import { type LoweredRecords, lowerColumns, type SessionPromptsMode } from './lower-columns.js'
import { TraceColumns } from './trace-columns.js'
import type { TraceRecord } from './trace-record.js'

/** Turns records without hashed blocks into a table, as {@link lowerColumns} does. */
export function lowerRecords(
  records: readonly TraceRecord[],
  sessionPrompts: SessionPromptsMode,
): LoweredRecords {
  const columns = new TraceColumns()
  for (const record of records) columns.add(record)
  return lowerColumns(columns, sessionPrompts)
}
