/** A call of a session, or of one of its agents. */
export interface Call {
  readonly row: number
  /** When it was answered, in ms since the session began; when it was sent, unless it is timed. */
  readonly endMs: number
  readonly isTimed: boolean
}

/** An agent at work beside whoever set it off. */
export interface Agent {
  readonly name: string
  /** The call that set it off. */
  readonly setOffBy: Call
  readonly last: Call
}

/** What a call waits for: the call before it, or the last calls of agents. */
export interface Awaited {
  readonly calls: readonly Call[]
  readonly agents: readonly Agent[]
}

/**
 * What a call that waits for some agents waits for in all. They began after the call before it, so that
 * that one has ended too, unless all of them are older.
 */
export function awaitedCalls(before: Call, agents: readonly Agent[]): Awaited {
  const calls = agents.map(({ last }) => last)
  const isImplied = agents.some(({ setOffBy }) => setOffBy.row === before.row)
  return { calls: isImplied ? calls : [before, ...calls], agents }
}
