import { NO_NODE, type RequestTable } from '@routesim/core'
import { lowerColumns } from '../columns/lower-columns.js'
import { TraceColumns } from '../columns/trace-columns.js'
import { BlockNumbering } from '../stats/block-numbering.js'

/** A part of prompts that several requests share whole: nodes of a radix tree over blocks. */
export interface CoreNode {
  readonly blocks: number
  readonly parent: number
  /** Requests that go through it, and of those: how many end in it, or in a private part below it. */
  visits: number
  ends: number
  leaves: number
  readonly children: number[]
}

/** Where a request of the trace goes: how the tree of shared parts is left, and with what. */
export interface RequestShape {
  /** Last core node, -1 for none. */
  readonly node: number
  /** Blocks beyond it, which no other request has; 0 for none. */
  readonly leafBlocks: number
  /** Tokens in the last block. */
  readonly lastTokens: number
}

/** What prompts of a trace share, as the synthesiser of NVIDIA Dynamo models it. */
export interface PrefixModel {
  readonly nodes: readonly CoreNode[]
  /** Above all roots. */
  readonly root: CoreNode
  /** By row. */
  readonly shapes: readonly RequestShape[]
}

/** Learns the shared parts of prompts, in whole blocks. */
export function prefixModel(table: RequestTable, blockTokens: number): PrefixModel {
  const { prompts, promptNode } = inBlocks(table, blockTokens)
  const { parent, startTokens, endTokens } = prompts
  const visits = new Int32Array(prompts.size)
  const endsIn = new Int32Array(prompts.size)
  for (const leaf of promptNode) {
    if (leaf !== NO_NODE) endsIn[leaf]!++
    for (let node = leaf; node !== NO_NODE; node = parent[node]!) visits[node]!++
  }
  const coreChildren = new Int32Array(prompts.size)
  for (let node = 0; node < prompts.size; node++) {
    if (visits[node]! > 1 && parent[node] !== NO_NODE) coreChildren[parent[node]!]!++
  }
  const root: CoreNode = { blocks: 0, parent: -1, visits: 0, ends: 0, leaves: 0, children: [] }
  const nodes: CoreNode[] = []
  const coreOf = new Int32Array(prompts.size).fill(-1)
  const blocksOf = (node: number): number =>
    Math.ceil((endTokens[node]! - startTokens[node]!) / blockTokens)
  for (let node = 0; node < prompts.size; node++) {
    if (visits[node]! <= 1) continue
    const above = parent[node]!
    const core = above === NO_NODE ? -1 : coreOf[above]!
    const isChain = core >= 0 && visits[above] === visits[node] && coreChildren[above] === 1
    if (isChain) {
      const chain = nodes[core]!
      nodes[core] = { ...chain, blocks: chain.blocks + blocksOf(node) }
      coreOf[node] = core
      continue
    }
    coreOf[node] = nodes.length
    ;(core < 0 ? root : nodes[core]!).children.push(nodes.length)
    nodes.push({
      blocks: blocksOf(node),
      parent: core,
      visits: visits[node]!,
      ends: 0,
      leaves: 0,
      children: [],
    })
  }
  const depth = depths(nodes)
  const shapes = Array.from({ length: table.size }, (_, row): RequestShape => {
    let node = promptNode[row]!
    while (node !== NO_NODE && visits[node] === 1) node = parent[node]!
    const core = node === NO_NODE ? -1 : coreOf[node]!
    const prompt = table.promptTokens[row]!
    const blocks = Math.ceil(prompt / blockTokens)
    const leafBlocks = blocks - (core < 0 ? 0 : depth[core]!)
    const at = core < 0 ? root : nodes[core]!
    if (leafBlocks > 0) at.leaves++
    else at.ends++
    return { node: core, leafBlocks, lastTokens: prompt - (blocks - 1) * blockTokens }
  })
  root.visits = table.size
  return { nodes, root, shapes }
}

/** Blocks from the beginning of the prompt to the end of each node. */
export function depths(nodes: readonly CoreNode[]): number[] {
  const depth: number[] = []
  for (const { parent, blocks } of nodes) depth.push((parent < 0 ? 0 : depth[parent]!) + blocks)
  return depth
}

/** The same table with content in whole blocks only, as Mooncake has it. */
function inBlocks(table: RequestTable, blockTokens: number): RequestTable {
  const numbering = new BlockNumbering(table, blockTokens)
  const columns = new TraceColumns()
  for (let row = 0; row < table.size; row++) {
    const record = {
      arrivalMs: table.arrivalMs[row]!,
      promptTokens: table.promptTokens[row]!,
      outputTokens: table.outputTokens[row]!,
    }
    columns.add(record, { ids: numbering.blocksOf(row), tokens: blockTokens })
  }
  return lowerColumns(columns, 'independent').table
}
