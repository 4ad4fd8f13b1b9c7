import { awaitedBy, NO_NODE, RequestColumns, type RequestTable, sharedInt32 } from '@routesim/core'
import type { LoweredRecords } from '../columns/lower-columns.js'
import { traceError } from '../errors/trace-error.js'
import { sizeDividing } from '../formats/common-block-size.js'
import { MOST_REQUESTS } from '../generating/too-many.js'
import { MergedNames } from './merged-names.js'

const NAMES = ['session', 'user', 'tenant', 'model', 'adapter', 'sloClass'] as const

/**
 * All requests of several traces by time of arrival. Names that are equal are the same, but sessions
 * are kept apart; and no content of one trace is taken to be that of another.
 */
export function mergeTraces(tables: readonly RequestTable[]): RequestTable {
  return merged(tables).table
}

/**
 * Merges traces as {@link mergeTraces} does; prefixes keep their names, which get a number where those
 * of a trace before are called the same.
 */
export function mergeRecords(records: readonly LoweredRecords[]): LoweredRecords {
  const { table, order } = merged(records.map((each) => each.table))
  const names = new MergedNames(records.map(({ prefixHashes }) => prefixHashes.names))
  const of = records.flatMap(({ prefixHashes }, index) => {
    const ids = prefixHashes.names.map((name) =>
      names.has(name) ? names.newIdOf(name, index + 1) : names.idOf(name),
    )
    return Array.from(prefixHashes.of, (id) => ids[id] ?? -1)
  })
  return { table, prefixHashes: { of: inOrder(of, order), names: names.strings } }
}

interface Merged {
  readonly table: RequestTable
  /** Its rows as places in the tables one after another; nothing when that is their order. */
  readonly order: Int32Array | undefined
}

function merged(tables: readonly RequestTable[]): Merged {
  const columns = new RequestColumns()
  const names = new MergedNames(tables.map((table) => table.strings))
  let nodes = 0
  tables.forEach((table, index) => {
    const base = columns.size
    const sessions = new Map<number, number>()
    for (let row = 0; row < table.size; row++) {
      const to = columns.append(
        table.arrivalMs[row]!,
        table.promptTokens[row]!,
        table.outputTokens[row]!,
      )
      columns.maxTokens.set(to, table.maxTokens[row]!)
      columns.prefixTokens.set(to, table.prefixTokens[row]!)
      columns.priority.set(to, table.priority[row]!)
      columns.ttftSloMs.set(to, table.ttftSloMs[row]!)
      const node = table.promptNode[row]!
      if (node !== NO_NODE) columns.promptNode.set(to, nodes + node)
      for (const name of NAMES) {
        const id = table[name]?.[row] ?? -1
        const text = table.strings[id]
        if (text === undefined) continue
        if (name !== 'session' || index === 0) {
          columns[name].set(to, names.idOf(text))
          continue
        }
        const session = sessions.get(id) ?? names.newIdOf(text, index + 1)
        sessions.set(id, session)
        columns.session.set(to, session)
      }
      columns.deadlineMs.set(to, table.deadlineMs?.[row] ?? Number.NaN)
      for (const awaited of awaitedBy(table, row)) columns.join(to, base + awaited)
      columns.thinkMs.set(to, table.thinkMs?.[row] ?? 0)
      columns.anyEnd.set(to, table.anyEnd?.[row] ?? 0)
    }
    nodes += table.prompts.size
  })
  const { strings } = names
  const order = columns.arrivalOrder()
  const table = { ...columns.finish(order), strings, prompts: joinedTrees(tables, nodes) }
  return { table, order }
}

/**
 * A trace over and over, `times` times, each `gapMs` after the last arrival of the one before. Its
 * prompts are the same each time; its sessions are others.
 * @throws RouteSimError `trace_option_invalid`
 */
export function repeatTrace(table: RequestTable, times: number, gapMs = 0): RequestTable {
  return repeated(table, times, gapMs).table
}

/**
 * Repeats a trace as {@link repeatTrace} does; its prefixes have the same names each time.
 * @throws RouteSimError `trace_option_invalid`
 */
export function repeatRecords(
  { table: once, prefixHashes }: LoweredRecords,
  times: number,
  gapMs = 0,
): LoweredRecords {
  const { table, order } = repeated(once, times, gapMs)
  const of = Array.from({ length: table.size }, (_, i) => prefixHashes.of[i % once.size]!)
  return { table, prefixHashes: { of: inOrder(of, order), names: prefixHashes.names } }
}

function repeated(table: RequestTable, times: number, gapMs: number): Merged {
  if (!(Number.isInteger(times) && times >= 1 && times * table.size <= MOST_REQUESTS)) {
    throw traceError(
      'trace_option_invalid',
      `times: expected an integer >= 1 that makes at most ${MOST_REQUESTS} requests, got ${times}`,
      { path: 'times' },
    )
  }
  const first = table.arrivalMs[0] ?? 0
  const spanMs = (table.arrivalMs[table.size - 1] ?? 0) - first
  const copies = Array.from({ length: times }, (_, i) => ({
    ...table,
    arrivalMs: table.arrivalMs.map((ms) => ms + i * (spanMs + gapMs)),
    // All but the first have no tree of their own.
    ...(i > 0 && { prompts: { ...table.prompts, size: 0 } }),
  }))
  const { table: joined, order } = merged(
    copies.map((copy) => ({ ...copy, promptNode: copy.promptNode.slice() })),
  )
  const promptNode = repeatedNodes(joined, table.prompts.size)
  return { table: { ...joined, promptNode, prompts: table.prompts }, order }
}

function inOrder(of: readonly number[], order: Int32Array | undefined): Int32Array {
  return order?.map((row) => of[row]!) ?? Int32Array.from(of)
}

function repeatedNodes(merged: RequestTable, size: number): Int32Array {
  const nodes = sharedInt32(merged.size)
  for (let row = 0; row < merged.size; row++) {
    const node = merged.promptNode[row]!
    nodes[row] = node < size ? node : node - size
  }
  return nodes
}

/** Trees side by side. */
function joinedTrees(tables: readonly RequestTable[], size: number): RequestTable['prompts'] {
  const parent = sharedInt32(size)
  const startTokens = sharedInt32(size)
  const endTokens = sharedInt32(size)
  let base = 0
  for (const { prompts } of tables) {
    startTokens.set(prompts.startTokens.subarray(0, prompts.size), base)
    endTokens.set(prompts.endTokens.subarray(0, prompts.size), base)
    for (let node = 0; node < prompts.size; node++) {
      const above = prompts.parent[node]!
      parent[base + node] = above === NO_NODE ? NO_NODE : base + above
    }
    base += prompts.size
  }
  const blockTokens = sizeDividing(tables.flatMap(({ prompts }) => prompts.blockTokens ?? []))
  return { size, parent, startTokens, endTokens, ...(blockTokens && { blockTokens }) }
}
