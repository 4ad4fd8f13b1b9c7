import { awaitedBy, type RequestTable } from '@routesim/core'
import { type Agent, awaitedCalls, type Call } from './agentic-agents.js'

/** A conversation, or an agent that one of its calls set off. */
export interface Node {
  readonly name: string
  readonly calls: readonly CallNode[]
}

/** A call, with the agents that it set off. */
export interface CallNode {
  readonly row: number
  /** The rows that a reader will take it to wait for. */
  readonly awaited: readonly number[]
  /** Names of the agents it waits for, where there are agents to wait for. */
  readonly waitsFor: readonly string[] | undefined
  readonly agents: readonly Node[]
}

/**
 * The conversations of a table, in order of their first calls. A session `a/x` whose first call waits for a
 * call of the session `a` is an agent of it.
 */
export function agentTree(table: RequestTable): Node[] {
  const rowsOf = new Map<string, number[]>()
  for (let row = 0; row < table.size; row++) {
    const name = table.strings[table.session[row]!] ?? `row ${row}`
    const rows = rowsOf.get(name)
    if (rows === undefined) rowsOf.set(name, [row])
    else rows.push(row)
  }
  const setOffBy = new Map<number, { readonly name: string; readonly session: string }[]>()
  const top: string[] = []
  for (const [session, [first]] of rowsOf) {
    const by = parentOf(table, session, first!)
    if (by === undefined) top.push(session)
    else setOffBy.set(by.row, [...(setOffBy.get(by.row) ?? []), { name: by.name, session }])
  }
  const nodeOf = (session: string, name: string, parent: Call | undefined): Node => {
    let before = parent
    let agents: readonly Agent[] = []
    const calls = rowsOf.get(session)!.map((row) => {
      const wanted = awaitedBy(table, row)
      const waited = agents.filter(({ last }) => wanted.includes(last.row))
      const awaited = before === undefined ? [] : awaitedCalls(before, waited).calls
      const waitsFor = agents.length > 0 ? waited.map((agent) => agent.name) : undefined
      agents = agents.filter((agent) => !waited.includes(agent))
      const call = callOf(row)
      before = call
      const own = (setOffBy.get(row) ?? []).map((agent) => nodeOf(agent.session, agent.name, call))
      agents = [
        ...agents,
        ...own.map((node) => ({
          name: node.name,
          setOffBy: call,
          last: callOf(node.calls.at(-1)!.row),
        })),
      ]
      return { row, awaited: awaited.map((each) => each.row), waitsFor, agents: own }
    })
    return { name, calls }
  }
  return top.map((session) => nodeOf(session, session, undefined))
}

function callOf(row: number): Call {
  return { row, endMs: 0, isTimed: false }
}

/** The call that set a session off, and how the session is called among the agents of that call's. */
function parentOf(
  table: RequestTable,
  session: string,
  first: number,
): { readonly row: number; readonly name: string } | undefined {
  const awaited = awaitedBy(table, first)
  const parent = table.strings[table.session[awaited[0] ?? -1] ?? -1]
  if (awaited.length !== 1 || parent === undefined || !session.startsWith(`${parent}/`)) return
  return { row: awaited[0]!, name: session.slice(parent.length + 1) }
}
