import type { RequestTable } from '@routesim/core'
import { type Spread, spreadOf } from './spread.js'

/** Conversations: requests of one session. */
export interface SessionStatistics {
  readonly sessions: number
  /** Requests that belong to one. */
  readonly requests: number
  readonly turns: Spread
  /** From the arrival of a turn to that of the next, in ms, as the trace has it. */
  readonly turnGapMs: Spread
  /** From the end of the request before to the sending, in ms, where requests wait for others. */
  readonly thinkMs: Spread
  /** Prompt tokens of a later turn beyond prompt and answer of the turn before; at least 0. */
  readonly newTokens: Spread
}

/** Describes the conversations of a table. */
export function sessionStatistics(table: RequestTable): SessionStatistics {
  const { size, session, arrivalMs, promptTokens, outputTokens, predecessor, thinkMs } = table
  const last = new Map<number, { row: number; turns: number }>()
  const gaps: number[] = []
  const grown: number[] = []
  const thought: number[] = []
  let requests = 0
  for (let row = 0; row < size; row++) {
    if ((predecessor?.[row] ?? -1) >= 0) thought.push(thinkMs?.[row] ?? 0)
    const id = session[row]!
    if (id < 0) continue
    requests++
    const before = last.get(id)
    if (before !== undefined) {
      gaps.push(arrivalMs[row]! - arrivalMs[before.row]!)
      const had = promptTokens[before.row]! + outputTokens[before.row]!
      grown.push(Math.max(0, promptTokens[row]! - had))
    }
    last.set(id, { row, turns: (before?.turns ?? 0) + 1 })
  }
  return {
    sessions: last.size,
    requests,
    turns: spreadOf(Float64Array.from(last.values(), ({ turns }) => turns)),
    turnGapMs: spreadOf(Float64Array.from(gaps)),
    thinkMs: spreadOf(Float64Array.from(thought)),
    newTokens: spreadOf(Float64Array.from(grown)),
  }
}
