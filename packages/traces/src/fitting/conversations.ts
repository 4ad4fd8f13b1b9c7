import { NO_NODE, type RequestTable } from '@routesim/core'

/** Of what a turn repeats, so much may be missing: the last block of a prompt is often a partial one. */
const SLACK_TOKENS = 512
/** From this many rows on, a beginning is what a service puts before its prompts, no conversation. */
const MOST_BRANCHES = 2

/**
 * The conversations of a table, each as its rows in order; a request of none is one of its own. Turns
 * are those that repeat the turn before: of the sessions that the table names or, where it names none,
 * as the contents of prompts tell.
 */
export function findConversations(table: RequestTable): number[][] {
  return table.session.some((session) => session >= 0) ? declared(table) : inferred(table)
}

function declared(table: RequestTable): number[][] {
  const found: number[][] = []
  const open = new Map<number, number[]>()
  for (let row = 0; row < table.size; row++) {
    const session = table.session[row]!
    const known = session < 0 ? undefined : open.get(session)
    const before = known?.at(-1)
    if (known !== undefined && before !== undefined && isContinued(table, before, row)) {
      known.push(row)
      continue
    }
    const fresh = [row]
    found.push(fresh)
    if (session >= 0) open.set(session, fresh)
  }
  return found
}

function inferred(table: RequestTable): number[][] {
  const { prompts, promptNode, promptTokens, size } = table
  // The deepest node of a prompt that an earlier one has too, and the latest that has it.
  const node = new Int32Array(size).fill(NO_NODE)
  const before = new Int32Array(size)
  const latest = new Int32Array(prompts.size).fill(-1)
  const branches = new Int32Array(prompts.size)
  for (let row = 0; row < size; row++) {
    let at = promptNode[row]!
    while (at !== NO_NODE && latest[at] === -1) at = prompts.parent[at]!
    if (at !== NO_NODE) {
      node[row] = at
      before[row] = latest[at]!
      branches[at]!++
    }
    for (let on = promptNode[row]!; on !== NO_NODE; on = prompts.parent[on]!) latest[on] = row
  }
  const found: number[][] = []
  const conversationOf: (number[] | undefined)[] = []
  for (let row = 0; row < size; row++) {
    const earlier = before[row]!
    const of = node[row] === NO_NODE ? undefined : conversationOf[earlier]
    const isNext =
      of?.at(-1) === earlier &&
      branches[node[row]!]! <= MOST_BRANCHES &&
      repeats(promptTokens[earlier]!, promptTokens[row]!, prompts.endTokens[node[row]!]!)
    const own = isNext ? of! : []
    if (!isNext) found.push(own)
    own.push(row)
    conversationOf[row] = own
  }
  return found
}

function isContinued(table: RequestTable, before: number, row: number): boolean {
  const { promptNode, promptTokens } = table
  const common = commonTokens(table, promptNode[before]!, promptNode[row]!)
  return repeats(promptTokens[before]!, promptTokens[row]!, common)
}

/** Whether a prompt that has so many tokens in common with another goes on from all of it. */
function repeats(beforeTokens: number, tokens: number, common: number): boolean {
  const isWhole = beforeTokens - common <= Math.min(SLACK_TOKENS, beforeTokens / 2)
  return isWhole && tokens >= beforeTokens
}

/** How many tokens the contents of two nodes begin with alike. */
function commonTokens({ prompts }: RequestTable, one: number, other: number): number {
  let [a, b] = [one, other]
  while (a !== b) {
    if (a === NO_NODE || b === NO_NODE) return 0
    if (prompts.endTokens[a]! > prompts.endTokens[b]!) a = prompts.parent[a]!
    else b = prompts.parent[b]!
  }
  return a === NO_NODE ? 0 : prompts.endTokens[a]!
}
