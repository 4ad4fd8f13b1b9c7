import type { RequestTable } from '@routesim/core'
import type { SessionsSpec, TurnTime } from '../generating/workload-spec.js'
import { fitDistribution } from './fit-distribution.js'

/** Prompts are given no more room than the next multiple of this. */
const ROOM_TOKENS = 1024

/** How conversations go on; nothing when none does. */
export function fitSessions(
  table: RequestTable,
  conversations: readonly (readonly number[])[],
): SessionsSpec | undefined {
  const turns = Float64Array.from(conversations, (rows) => rows.length)
  if (turns.every((count) => count === 1)) return undefined
  const { promptTokens, outputTokens, arrivalMs, predecessor, thinkMs } = table
  const grown: number[] = []
  const gaps: number[] = []
  const thought: number[] = []
  let longest = 0
  let waiting = 0
  for (const rows of conversations) {
    for (const row of rows) longest = Math.max(longest, promptTokens[row]!)
    for (let i = 1; i < rows.length; i++) {
      const [before, row] = [rows[i - 1]!, rows[i]!]
      const had = promptTokens[before]! + outputTokens[before]!
      // Some forget a part of the answer; a turn adds one token at least.
      grown.push(Math.max(1, promptTokens[row]! - had))
      gaps.push((arrivalMs[row]! - arrivalMs[before]!) / 1000)
      if ((predecessor?.[row] ?? -1) >= 0) waiting++
      thought.push((thinkMs?.[row] ?? 0) / 1000)
    }
  }
  const next = turnTime(waiting * 2 > gaps.length, sum(thought), sum(gaps))
  return {
    turns: fitDistribution(turns, true),
    newTokens: fitDistribution(Float64Array.from(grown), true),
    thinkTimeSec: fitDistribution(
      Float64Array.from(next === 'after_answer' ? thought : gaps),
      false,
    ),
    next,
    maxPromptTokens: Math.ceil(longest / ROOM_TOKENS) * ROOM_TOKENS,
  }
}

/** A trace that tells whom a turn waits for, but no time to think, has a schedule. */
function turnTime(isWaiting: boolean, thoughtSec: number, gapSec: number): TurnTime {
  if (!isWaiting) return 'after_arrival'
  return thoughtSec === 0 && gapSec > 0 ? 'on_schedule' : 'after_answer'
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
