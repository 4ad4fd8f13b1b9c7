import { RandomStream, type RequestTable } from '@routesim/core'
import { lowerColumns } from '../columns/lower-columns.js'
import { TraceColumns } from '../columns/trace-columns.js'
import { traceError } from '../errors/trace-error.js'
import { IdRuns } from '../prompts/id-runs.js'
import { Deck, ItemDeck } from './deck.js'
import { type PrefixModel, prefixModel, type RequestShape } from './prefix-model.js'
import { SynthesisClock } from './synthesis-clock.js'
import {
  type ResolvedSynthesis,
  resolveSynthesis,
  type SynthesisOptions,
} from './synthesis-options.js'

/**
 * Makes new requests after the example of a trace: what prompts share as paths through the tree of what
 * they shared, lengths and arrivals. The model and its options are those of the prefix synthesiser of
 * NVIDIA Dynamo (benchmarks/prefix_data_generator at d0cb2586). Two things differ, so that little is left to
 * chance: it draws without putting back, and private parts are drawn from those that began at the same place of
 * the tree, where Dynamo draws from all. Nothing else of requests is
 * kept, such as names, priorities and what they wait for: `absentColumns` says what there was.
 * @throws RouteSimError `trace_option_invalid`; `trace_empty` when the trace has no requests
 *
 * @example
 * const heavier = synthesizeTrace(table, { numRequests: 10_000, speedupRatio: 2 })
 */
export function synthesizeTrace(table: RequestTable, options: SynthesisOptions = {}): RequestTable {
  if (table.size === 0) {
    throw traceError('trace_empty', 'synthesis: expected a trace with requests, got none')
  }
  return new Synthesis(table, resolveSynthesis(options, table)).run()
}

class Synthesis {
  private readonly table: RequestTable
  private readonly options: ResolvedSynthesis
  private readonly model: PrefixModel
  private readonly columns = new TraceColumns()
  private readonly runs = new IdRuns()
  /** Per core node, its first id in the first copy, and its blocks. */
  private readonly firstId: number[] = []
  private readonly blocks: number[] = []
  private readonly idsPerCopy: number
  private nextLeafId: number
  /** Shapes with a private part, by the node above it, the root's first. */
  private readonly leaves: readonly RequestShape[][]
  private readonly random: Readonly<Record<'path' | 'copy' | 'leaf', RandomStream>>
  private readonly outputs: ItemDeck
  private readonly pathDecks = new Map<number, Deck>()
  private readonly leafDecks = new Map<number, ItemDeck>()
  /** Per core node, whether its uses are spread over half of the trace or more. */
  private readonly isLasting: readonly boolean[]

  constructor(table: RequestTable, options: ResolvedSynthesis) {
    this.table = table
    this.options = options
    this.model = prefixModel(table, options.blockTokens)
    const { nodes, shapes } = this.model
    const { prefixLenMultiplier: by, seed, prefixRootMultiplier } = options
    let ids = 0
    for (const { blocks } of nodes) {
      const length = by >= 1 ? blocks * Math.ceil(by) : Math.max(1, Math.round(blocks * by))
      this.firstId.push(ids)
      this.blocks.push(length)
      ids += length
    }
    this.idsPerCopy = ids
    const passes = Math.ceil(options.numRequests / table.size)
    this.nextLeafId = ids * prefixRootMultiplier * passes
    this.leaves = Array.from({ length: nodes.length + 1 }, () => [])
    for (const shape of shapes) if (shape.leafBlocks > 0) this.leaves[shape.node + 1]!.push(shape)
    const stream = (name: string): RandomStream => new RandomStream(seed, `synthesis ${name}`)
    this.random = { path: stream('path'), copy: stream('copy'), leaf: stream('leaf') }
    this.outputs = new ItemDeck(table.size, stream('output'))
    this.isLasting = lasting(this.model, table)
  }

  run(): RequestTable {
    const { options, table, columns } = this
    const isInOrder = options.mode === 'in_order'
    const clock = new SynthesisClock(table.arrivalMs, options.speedupRatio, options.seed)
    let rejected = 0
    for (let at = 0; columns.size < options.numRequests; at++) {
      const row = isInOrder ? at % table.size : this.outputs.draw()
      const pass = isInOrder ? Math.floor(at / table.size) : 0
      const promptTokens = isInOrder ? this.follow(row, pass) : this.draw()
      if (promptTokens < options.minIsl || promptTokens > options.maxIsl) {
        if (++rejected > options.maxRejections) throw neverFits(options)
        continue
      }
      rejected = 0
      const arrivalMs = isInOrder ? clock.follow(row, pass) : clock.next()
      const outputTokens = this.outputTokens(row)
      columns.addRuns({ arrivalMs, promptTokens, outputTokens }, this.runs, options.blockTokens)
    }
    return lowerColumns(columns, 'independent').table
  }

  private outputTokens(row: number): number {
    const { oslMultiplier, minOsl, maxOsl } = this.options
    const output = Math.round(this.table.outputTokens[row]! * oslMultiplier)
    return Math.min(Math.max(output, minOsl), maxOsl)
  }

  /** Writes a path drawn step by step. @returns the length of the prompt */
  private draw(): number {
    const { random, model } = this
    const copy = random.copy.integer(this.options.prefixRootMultiplier)
    this.runs.clear()
    let at = -1
    for (;;) {
      const { children } = at < 0 ? model.root : model.nodes[at]!
      const drawn = this.deckOf(at).draw()
      if (drawn > children.length) return this.runs.length * this.options.blockTokens
      if (drawn === children.length) break
      at = children[drawn]!
      this.push(at, copy)
    }
    const { leafBlocks, lastTokens } = this.leafBelow(at)
    return this.endWithLeaf(leafBlocks, lastTokens)
  }

  /** Writes the path of a request of the trace. @returns the length of the prompt */
  private follow(row: number, pass: number): number {
    const { model, options, isLasting } = this
    const { node, leafBlocks, lastTokens } = model.shapes[row]!
    const copies = options.prefixRootMultiplier
    const copy = this.random.copy.integer(copies)
    const path: number[] = []
    for (let at = node; at >= 0; at = model.nodes[at]!.parent) path.push(at)
    this.runs.clear()
    // What comes and goes is other content in another pass over the trace.
    for (const at of path.reverse()) this.push(at, copy + (isLasting[at] ? 0 : pass * copies))
    if (leafBlocks > 0) return this.endWithLeaf(leafBlocks, lastTokens)
    const { blockTokens } = options
    return (this.runs.length - 1) * blockTokens + lastTokens
  }

  /** What follows a node: its children, then a private part, then nothing. */
  private deckOf(at: number): Deck {
    const known = this.pathDecks.get(at)
    if (known !== undefined) return known
    const { nodes, root } = this.model
    const { children, leaves, ends } = at < 0 ? root : nodes[at]!
    const counts = [...children.map((child) => nodes[child]!.visits), leaves, ends]
    const deck = new Deck(counts, this.random.path)
    this.pathDecks.set(at, deck)
    return deck
  }

  /** A private part of the trace that began at a node. */
  private leafBelow(node: number): RequestShape {
    const leaves = this.leaves[node + 1]!
    let deck = this.leafDecks.get(node)
    if (deck === undefined) {
      deck = new ItemDeck(leaves.length, this.random.leaf)
      this.leafDecks.set(node, deck)
    }
    return leaves[deck.draw()]!
  }

  private push(node: number, copy: number): void {
    const first = this.firstId[node]! + copy * this.idsPerCopy
    this.runs.pushRun(first, first + this.blocks[node]! - 1)
  }

  private endWithLeaf(leafBlocks: number, lastTokens: number): number {
    const { promptLenMultiplier, blockTokens } = this.options
    const blocks = Math.max(1, Math.round(leafBlocks * promptLenMultiplier))
    this.runs.pushRun(this.nextLeafId, this.nextLeafId + blocks - 1)
    this.nextLeafId += blocks
    return (this.runs.length - 1) * blockTokens + lastTokens
  }
}

function lasting({ nodes, shapes }: PrefixModel, { arrivalMs }: RequestTable): boolean[] {
  const first = nodes.map(() => Number.POSITIVE_INFINITY)
  const last = nodes.map(() => Number.NEGATIVE_INFINITY)
  shapes.forEach(({ node }, row) => {
    for (let at = node; at >= 0; at = nodes[at]!.parent) {
      first[at] = Math.min(first[at]!, arrivalMs[row]!)
      last[at] = Math.max(last[at]!, arrivalMs[row]!)
    }
  })
  const spanMs = arrivalMs[arrivalMs.length - 1]! - arrivalMs[0]!
  return nodes.map((_, node) => last[node]! - first[node]! >= spanMs / 2)
}

function neverFits({ minIsl, maxIsl, maxRejections }: ResolvedSynthesis): Error {
  return traceError(
    'trace_option_invalid',
    `maxIsl: expected limits that some prompts keep, got ${maxRejections} in a row that are not from ${minIsl} to ${maxIsl} tokens`,
    { path: 'maxIsl' },
  )
}
