import { NO_NODE } from './prompt-tree.js'
import type { RequestTable } from './request-table.js'

/** Receives what a prompt shares with others, run by run from its start on. */
export interface PromptPathWriter {
  /** Forgets what was written before. */
  clear(): void
  /**
   * Adds a run of tokens. Equal ids mean equal tokens and equal tokens before them; ids are dense.
   * @param endTokens - offset of its end from the start of the prompt
   */
  push(id: number, endTokens: number): void
}

/**
 * The nodes of a prompt tree cut where prompts end within them, so that a run never holds tokens of an
 * answer for one request and tokens of a prompt for another. Runs are numbered through, those of a node
 * next to each other.
 */
export class PromptRuns {
  private readonly requests: RequestTable
  /** First run of each node, and the number of runs at the end. */
  private readonly first: Int32Array
  /** End of each run as an offset in tokens. */
  private readonly end: Int32Array
  private nodes = new Int32Array(64)

  /**
   * @param requests - whose prompts are written
   * @param all - every request there will be: `requests` unless rows are given to one after another;
   * undefined when no prompt ends amid a node
   */
  constructor(requests: RequestTable, all: RequestTable | undefined) {
    this.requests = requests
    const { prompts } = requests
    const cuts = all === undefined ? new Map<number, number[]>() : cutsOf(all)
    this.first = new Int32Array(prompts.size + 1)
    let runs = 0
    for (let node = 0; node < prompts.size; node++) {
      this.first[node] = runs
      runs += 1 + (cuts.get(node)?.length ?? 0)
    }
    this.first[prompts.size] = runs
    this.end = new Int32Array(runs)
    for (let node = 0; node < prompts.size; node++) {
      let run = this.first[node]!
      for (const cut of cuts.get(node) ?? []) this.end[run++] = cut
      this.end[run] = prompts.endTokens[node]!
    }
  }

  /** Number of runs. */
  get size(): number {
    return this.end.length
  }

  /** First run of a node; that of the next node is the end. */
  firstOf(node: number): number {
    return this.first[node]!
  }

  /** Offset in tokens, from the start of the prompt, of the end of a run. */
  endOf(run: number): number {
    return this.end[run]!
  }

  /** The run that holds the token before an offset in a request's prompt, or its last one; -1 past what is shared. */
  headOf(request: number, tokens: number): number {
    const { prompts, promptNode, promptTokens } = this.requests
    const end = Math.min(tokens, promptTokens[request]!)
    for (let node = promptNode[request]!; node !== NO_NODE; node = prompts.parent[node]!) {
      if (prompts.startTokens[node]! >= end) continue
      for (let run = this.first[node]!; run < this.first[node + 1]!; run++) {
        if (this.end[run]! >= end) return run
      }
      return -1
    }
    return -1
  }

  /** Writes the runs of a request's prompt, none beyond its end. */
  write(request: number, out: PromptPathWriter): void {
    const { prompts, promptNode, promptTokens } = this.requests
    const tokens = promptTokens[request]!
    out.clear()
    let depth = 0
    for (let node = promptNode[request]!; node !== NO_NODE; node = prompts.parent[node]!) {
      if (prompts.startTokens[node]! >= tokens) continue
      if (depth === this.nodes.length) {
        const before = this.nodes
        this.nodes = new Int32Array(2 * depth)
        this.nodes.set(before)
      }
      this.nodes[depth++] = node
    }
    for (let i = depth - 1; i >= 0; i--) {
      const node = this.nodes[i]!
      for (let run = this.first[node]!; run < this.first[node + 1]!; run++) {
        const end = this.end[run]!
        out.push(run, Math.min(end, tokens))
        if (end >= tokens) break
      }
    }
  }
}

/** Per node, the offsets within it at which prompts end, ascending. */
function cutsOf({ prompts, promptNode, promptTokens, size }: RequestTable): Map<number, number[]> {
  const cuts = new Map<number, number[]>()
  for (let request = 0; request < size; request++) {
    const tokens = promptTokens[request]!
    let node = promptNode[request]!
    while (node !== NO_NODE && prompts.startTokens[node]! >= tokens) node = prompts.parent[node]!
    if (node === NO_NODE || prompts.endTokens[node]! <= tokens) continue
    const own = cuts.get(node)
    if (own === undefined) cuts.set(node, [tokens])
    else if (!own.includes(tokens)) own.push(tokens)
  }
  for (const own of cuts.values()) own.sort((a, b) => a - b)
  return cuts
}
