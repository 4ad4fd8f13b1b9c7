import { awaitedBy, type RequestTable } from '@routesim/core'

/**
 * The rows that a trace must name so that others can wait for them: those waited for by a row that is
 * not the next turn of their session, or for several. `undefined` when no row waits at all.
 */
export function awaitedRows(table: RequestTable): ReadonlySet<number> | undefined {
  const { predecessor, session, size } = table
  if (predecessor === undefined) return undefined
  const lastOfSession = new Map<number, number>()
  const named = new Set<number>()
  for (let row = 0; row < size; row++) {
    const before = predecessor[row]!
    const of = session[row]!
    const awaited = awaitedBy(table, row)
    if (awaited.length > 1) for (const each of awaited) named.add(each)
    else if (before >= 0 && (of < 0 || lastOfSession.get(of) !== before)) named.add(before)
    if (of >= 0) lastOfSession.set(of, row)
  }
  return named
}
