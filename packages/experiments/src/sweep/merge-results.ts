import { type LogContent, type ResultRecord, readResultLog } from './result-log.js'

/**
 * The runs of several result logs as one sweep: in its order, each once. What was finished goes before
 * what failed, and what comes later before what came earlier.
 */
export function mergeRecords(logs: readonly LogContent[]): ResultRecord[] {
  const merged = new Map<string, ResultRecord>()
  for (const record of logs.flatMap(({ records }) => records)) {
    const known = merged.get(record.key)
    if (known?.status !== 'ok' || record.status === 'ok') merged.set(record.key, record)
  }
  return [...merged.values()].sort((a, b) => a.run - b.run || (a.key < b.key ? -1 : 1))
}

/**
 * Reads and merges result logs.
 * @throws RouteSimError `log_unreadable`
 */
export async function mergeResultLogs(
  paths: readonly string[],
): Promise<{ readonly records: readonly ResultRecord[]; readonly tornLines: number }> {
  const logs = await Promise.all(paths.map(readResultLog))
  const tornLines = logs.reduce((sum, log) => sum + log.tornLines, 0)
  return { records: mergeRecords(logs), tornLines }
}
