import {
  NO_NODE,
  type PromptTree,
  PromptTreeBuilder,
  type RequestTable,
  separateAdapters,
  sharedInt32,
} from '@routesim/core'
import { SessionPrompts } from './session-prompts.js'
import { NO_BLOCKS, NOT_DECLARED, type TraceColumns } from './trace-columns.js'

/**
 * Whether the turns of a conversation without hashed blocks extend one another (`extend`), or
 * share only the prefix they declare (`independent`).
 */
export type SessionPromptsMode = 'extend' | 'independent'

/**
 * The `prefix_hash` strings of a trace, one per row. The table itself knows what prompts share but
 * not what the trace called it; pass them to `writeTrace` and the names survive.
 */
export interface PrefixHashes {
  /** Per row of the table, an index into `names`, -1 for none. */
  readonly of: Int32Array
  readonly names: readonly string[]
}

/** A table and the prefix names of its rows. */
export interface LoweredRecords {
  readonly table: RequestTable
  readonly prefixHashes: PrefixHashes
}

const NAME_COLUMNS = ['session', 'user', 'tenant', 'model', 'adapter', 'sloClass'] as const

/**
 * Turns the columns of a trace into a table: sorted by arrival (requests that arrive together keep
 * their order), prompts placed in the tree. Consumes the columns.
 */
export function lowerColumns(
  columns: TraceColumns,
  sessionPrompts: SessionPromptsMode,
): LoweredRecords {
  const order = columns.requests.arrivalOrder()
  const prompts = placePrompts(columns, order, sessionPrompts)
  const prefixHashes = numberPrefixHashes(columns, order)
  const strings = numberNames(columns, order)
  const finished = columns.requests.finish(order)
  return { table: separateAdapters({ ...finished, strings, prompts }), prefixHashes }
}

/** Fills `promptNode` and `prefixTokens`: hashed blocks first in the tree, then prefixes and turns. */
function placePrompts(
  columns: TraceColumns,
  order: Int32Array | undefined,
  mode: SessionPromptsMode,
): PromptTree {
  const { requests, content, prefixTokens, prefixHash } = columns
  const blocks = columns.blocks.finish()
  const hashed = blocks?.tree.size ?? 0
  const streams = new PromptTreeBuilder()
  const sessions = new SessionPrompts(streams, columns.chains, columns.goesOnFrom.isUsed)
  const extend = mode === 'extend' && requests.session.isUsed
  const hasPrefixes = prefixHash.isUsed && prefixTokens.isUsed
  if (!extend && !hasPrefixes && !content.isUsed) return streams.build().tree
  for (let i = 0; i < columns.size; i++) {
    const row = order === undefined ? i : order[i]!
    const prompt = requests.promptTokens.get(row)
    const end = content.get(row)
    const declared = prefixTokens.get(row)
    if (end !== NO_BLOCKS) {
      const node = end === NO_NODE ? NO_NODE : blocks!.nodeOf(end)
      const known = node === NO_NODE ? 0 : blocks!.tree.endTokens[node]!
      requests.promptNode.set(row, node)
      requests.prefixTokens.set(row, Math.min(declared === NOT_DECLARED ? known : declared, prompt))
      continue
    }
    const hash = prefixHash.get(row)
    const prefix = hash < 0 || declared === NOT_DECLARED ? 0 : Math.min(declared, prompt)
    const session = extend ? requests.session.get(row) : -1
    if (session < 0) {
      const node = sessions.placePrefix(hash, prefix)
      if (node !== NO_NODE) requests.promptNode.set(row, hashed + node)
      requests.prefixTokens.set(row, prefix)
      continue
    }
    const before = columns.goesOnFrom.get(row)
    if (before >= 0) sessions.goOnFrom(session, before)
    const placed = sessions.place(session, prompt, requests.outputTokens.get(row), hash, prefix)
    sessions.remember(session, row)
    requests.promptNode.set(row, placed.node === NO_NODE ? NO_NODE : hashed + placed.node)
    requests.prefixTokens.set(row, placed.prefixTokens)
  }
  const { tree, renumbered } = streams.build()
  if (renumbered !== undefined) {
    for (let row = 0; row < columns.size; row++) {
      const node = requests.promptNode.get(row)
      if (node >= hashed) requests.promptNode.set(row, hashed + renumbered[node - hashed]!)
    }
  }
  return blocks === undefined ? tree : joined(blocks.tree, tree)
}

/** Two trees side by side. */
function joined(left: PromptTree, right: PromptTree): PromptTree {
  if (right.size === 0) return left
  const shift = left.size
  const column = (name: 'parent' | 'startTokens' | 'endTokens'): Int32Array => {
    const out = sharedInt32(shift + right.size)
    out.set(left[name])
    out.set(right[name], shift)
    return out
  }
  const parent = column('parent')
  for (let node = shift; node < parent.length; node++) {
    if (parent[node] !== NO_NODE) parent[node]! += shift
  }
  return {
    ...left,
    size: parent.length,
    parent,
    startTokens: column('startTokens'),
    endTokens: column('endTokens'),
  }
}

function numberPrefixHashes(columns: TraceColumns, order: Int32Array | undefined): PrefixHashes {
  const { size, prefixHash, names } = columns
  const of = prefixHash.finish(size, order)
  if (!prefixHash.isUsed) return { of, names: [] }
  const numbering = new Numbering(names.size)
  for (let row = 0; row < size; row++) of[row] = numbering.of(of[row]!)
  return { of, names: numbering.known.map((name) => names.name(name)) }
}

/** Numbers the names anew, in order of rows; a trace may be in another order. */
function numberNames(columns: TraceColumns, order: Int32Array | undefined): string[] {
  const { size, requests, names } = columns
  const used = NAME_COLUMNS.map((name) => requests[name]).filter((column) => column.isUsed)
  if (used.length === 0) return []
  const numbering = new Numbering(names.size)
  for (let i = 0; i < size; i++) {
    const row = order === undefined ? i : order[i]!
    for (const column of used) column.set(row, numbering.of(column.get(row)))
  }
  return numbering.known.map((name) => names.name(name))
}

/** Dense numbers in order of first use. */
class Numbering {
  /** What was numbered, by its number. */
  readonly known: number[] = []
  private readonly numbers: Int32Array

  constructor(size: number) {
    this.numbers = new Int32Array(size).fill(-1)
  }

  of(value: number): number {
    if (value < 0) return -1
    let number = this.numbers[value]!
    if (number < 0) {
      number = this.known.push(value) - 1
      this.numbers[value] = number
    }
    return number
  }
}
