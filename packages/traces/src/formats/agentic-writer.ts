import { awaitedBy, type RequestTable } from '@routesim/core'
import { BlockNumbering } from '../stats/block-numbering.js'
import type { EncodedTrace } from '../writing/encoded-trace.js'
import { recordOfRow } from '../writing/table-records.js'
import { agentTree, type Node } from './agent-tree.js'
import { secondsOf } from './azure-writer.js'

/**
 * Agentic session JSONL holds the lengths, think times and whole blocks of conversations, one a line with
 * the agents that its calls set off, with ids that are good in the whole file; not when a conversation
 * begins.
 */
export function encodeAgentic(table: RequestTable, blockTokens: number): EncodedTrace {
  const sessions = agentTree(table)
  return {
    lines: agenticLines(table, sessions, blockTokens),
    lost: lostColumns(table, sessions, blockTokens),
  }
}

const NOT_HELD = [
  'user',
  'tenant',
  'adapter',
  'sloClass',
  'ttftSloMs',
  'deadlineMs',
  'maxTokens',
  'priority',
  'anyEnd',
] as const

/** What the format has no place for. Its rows come in another order, so reading them back would not tell. */
function lostColumns(
  table: RequestTable,
  sessions: readonly Node[],
  blockTokens: number,
): string[] {
  const { arrivalMs, prefixTokens, promptNode, promptTokens, prompts, session, size } = table
  const lost = new Set<string>()
  for (let row = 0; row < size; row++) {
    const record = recordOfRow(table, row)
    for (const column of NOT_HELD) if (record[column] !== undefined) lost.add(column)
    if (session[row]! < 0) lost.add('session')
    const node = promptNode[row]!
    const known = node < 0 ? 0 : Math.min(prompts.endTokens[node]!, promptTokens[row]!)
    if (known % blockTokens > 0) lost.add('prompts')
    if (prefixTokens[row]! !== known - (known % blockTokens)) lost.add('prefixTokens')
  }
  const visit = (node: Node): void => {
    for (const { row, awaited, agents } of node.calls) {
      const wanted = awaitedBy(table, row)
      if (!sameRows(wanted, awaited)) lost.add(wanted.length > 1 ? 'joins' : 'predecessor')
      const latest = Math.max(0, ...awaited.map((each) => arrivalMs[each]!))
      const thinkMs = wanted.length > 0 ? (table.thinkMs?.[row] ?? 0) : 0
      if (arrivalMs[row]! !== latest + thinkMs) lost.add('arrivalMs')
      for (const agent of agents) visit(agent)
    }
  }
  for (const node of sessions) visit(node)
  return [...lost]
}

function sameRows(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((row) => b.includes(row))
}

function* agenticLines(
  table: RequestTable,
  sessions: readonly Node[],
  blockTokens: number,
): Generator<string> {
  const numbering = new BlockNumbering(table, blockTokens)
  const entriesOf = (node: Node, startMs: number): object[] =>
    node.calls.flatMap(({ row, waitsFor, agents }) => [
      {
        t: secondsOf(table.arrivalMs[row]! - startMs),
        type: 'n',
        in: table.promptTokens[row],
        out: table.outputTokens[row],
        think_time: secondsOf(table.thinkMs?.[row] ?? 0),
        waits_for: waitsFor,
        model: table.strings[table.model[row]!],
        hash_ranges: rangesOf(
          wholeBlocks(numbering.blocksOf(row), table.promptTokens[row]!, blockTokens),
        ),
      },
      ...agents.map((agent) => ({
        t: secondsOf(table.arrivalMs[agent.calls[0]!.row]! - startMs),
        type: 'subagent',
        agent_id: agent.name,
        requests: entriesOf(agent, startMs),
      })),
    ])
  for (const node of sessions) {
    yield JSON.stringify({
      id: node.name,
      block_size: blockTokens,
      hash_id_scope: 'global',
      requests: entriesOf(node, table.arrivalMs[node.calls[0]!.row]!),
    })
  }
}

/** The format has no partial blocks. */
function wholeBlocks(
  ids: readonly number[],
  promptTokens: number,
  blockTokens: number,
): readonly number[] {
  return ids.slice(0, Math.floor(promptTokens / blockTokens))
}

function rangesOf(ids: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const id of ids) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === id - 1) last[1] = id
    else ranges.push([id, id])
  }
  return ranges
}
