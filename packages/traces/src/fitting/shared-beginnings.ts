import { NO_NODE, type RequestTable } from '@routesim/core'

/** What the prompts of some rows begin with in common: -1 and 0 where nothing is shared. */
export interface SharedBeginnings {
  /** Per row, the widest beginning, which most others share, and its tokens. */
  readonly outerNode: Int32Array
  readonly outerTokens: Int32Array
  /** Per row, the longest beginning that another has; the same as the widest where there is but one. */
  readonly node: Int32Array
  readonly tokens: Int32Array
}

/** What the prompts of first turns share with those of other conversations. */
export function sharedBeginnings(table: RequestTable, rows: readonly number[]): SharedBeginnings {
  const { prompts, promptNode, promptTokens } = table
  const holders = new Int32Array(prompts.size)
  const newest = new Int32Array(prompts.size).fill(-1)
  rows.forEach((row, i) => {
    for (let at = promptNode[row]!; at !== NO_NODE; at = prompts.parent[at]!) {
      if (newest[at] !== i) holders[at]!++
      newest[at] = i
    }
  })
  const make = (fill: number): Int32Array => new Int32Array(rows.length).fill(fill)
  const found = { outerNode: make(-1), outerTokens: make(0), node: make(-1), tokens: make(0) }
  rows.forEach((row, i) => {
    let at = promptNode[row]!
    while (at !== NO_NODE && (holders[at]! < 2 || prompts.startTokens[at]! >= promptTokens[row]!)) {
      at = prompts.parent[at]!
    }
    if (at === NO_NODE) return
    found.node[i] = at
    found.tokens[i] = Math.min(prompts.endTokens[at]!, promptTokens[row]!)
    // Nodes one within the other that the same prompts have are one beginning.
    let outer = at
    for (let on = at; on !== NO_NODE; on = prompts.parent[on]!) {
      if (holders[on]! > holders[outer]!) outer = on
    }
    found.outerNode[i] = outer
    found.outerTokens[i] = Math.min(prompts.endTokens[outer]!, promptTokens[row]!)
  })
  return found
}
