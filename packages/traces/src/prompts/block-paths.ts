import { Int32List, NO_NODE, type PromptTree, sharedInt32 } from '@routesim/core'
import { sizeDividing } from '../formats/common-block-size.js'
import { BlockInterner } from './block-interner.js'
import { BlockRuns } from './block-runs.js'
import type { IdRuns } from './id-runs.js'

/** What {@link BlockPaths} answers when a known block comes with another length. */
export const REFUSED = -2

/** Why a path was refused: its block number `at` holds `known` tokens, not `wanted`. */
export interface Refusal {
  readonly at: number
  readonly known: number
  readonly wanted: number
}

/**
 * The prompts of a trace that come as paths of hashed blocks, interned into a prompt tree. Equal ids
 * after equal beginnings are the same block, which always has the same length.
 *
 * As long as the ids are numbers in order of first appearance, as in the published Mooncake traces,
 * a path costs its runs of consecutive ids. Other ids are renumbered first. Both give a compressed
 * tree. When blocks differ in size, the tree has a node per block.
 */
export class BlockPaths {
  /** Why the last path was refused. */
  refusal: Refusal | undefined
  private runs: BlockRuns | undefined
  private interner: BlockInterner | undefined
  /** Ends of blocks in tokens, once they differ in size. */
  private ends: Int32List | undefined
  /** The sizes of blocks of all paths but those of blocks of any lengths, and the latest of them. */
  private readonly sizes = new Set<number>()
  private latestSize = 0
  private hasAnyLengths = false

  /**
   * Adds a path of blocks of `blockTokens` each; the last may be partial when the prompt is shorter.
   * A refused path changes nothing.
   * @returns a handle of its end: {@link NO_NODE} for no blocks, {@link REFUSED}
   */
  add(ids: IdRuns, blockTokens: number, promptTokens: number): number {
    if (ids.length === 0) return NO_NODE
    const end = this.addEqual(ids, blockTokens, promptTokens)
    if (blockTokens !== this.latestSize && end !== REFUSED) {
      this.latestSize = blockTokens
      this.sizes.add(blockTokens)
    }
    return end
  }

  private addEqual(ids: IdRuns, blockTokens: number, promptTokens: number): number {
    const runs = this.runs ?? new BlockRuns(blockTokens)
    if (this.ends !== undefined || runs.blockTokens !== blockTokens) {
      return this.addPath(ids, (i) => Math.min(blockTokens, promptTokens - i * blockTokens))
    }
    this.runs = runs
    if (this.interner === undefined) {
      const end = this.addNumbered(runs, ids, promptTokens)
      if (end !== undefined) return end
    }
    return this.addInterned(runs, ids, promptTokens)
  }

  /** Adds a path of blocks of any lengths. */
  addEach(ids: IdRuns, tokens: readonly number[]): number {
    if (ids.length === 0) return NO_NODE
    this.hasAnyLengths = true
    return this.addPath(ids, (i) => tokens[i]!)
  }

  private addPath(ids: IdRuns, tokensOf: (i: number) => number): number {
    const interner = this.interned()
    const ends = this.endsOf(interner)
    interner.find(ids)
    const { known, last } = interner
    const start = last === NO_NODE ? 0 : ends.values[last]!
    let refused = false
    for (let i = known - 1, block = last, above = NO_NODE; i >= 0; i--, block = above) {
      above = interner.parentOf(block)
      const tokens = ends.values[block]! - (above === NO_NODE ? 0 : ends.values[above]!)
      if (tokens === tokensOf(i)) continue
      this.refusal = { at: i, known: tokens, wanted: tokensOf(i) }
      refused = true
    }
    if (refused) return REFUSED
    interner.add(ids)
    let endTokens = start
    for (let i = known; i < ids.length; i++) {
      endTokens += tokensOf(i)
      ends.push(endTokens)
    }
    return known < ids.length ? interner.size - 1 : last
  }

  /** The finished tree, and the node of each handle. */
  finish(): { tree: PromptTree; nodeOf: (handle: number) => number } | undefined {
    const { interner, ends } = this
    if (ends === undefined || interner === undefined) return this.runs?.finish()
    const blockTokens = this.hasAnyLengths ? undefined : sizeDividing([...this.sizes])
    const size = ends.length
    const parent = sharedInt32(size)
    const startTokens = sharedInt32(size)
    const endTokens = sharedInt32(size)
    for (let node = 0; node < size; node++) {
      const above = interner.parentOf(node)
      parent[node] = above
      startTokens[node] = above === NO_NODE ? 0 : endTokens[above]!
      endTokens[node] = ends.values[node]!
    }
    const tree = { size, parent, startTokens, endTokens }
    return {
      tree: blockTokens === undefined ? tree : { ...tree, blockTokens },
      nodeOf: (handle) => handle,
    }
  }

  /** Adds a path whose ids are block numbers; `undefined` when they can not be. */
  private addNumbered(runs: BlockRuns, ids: IdRuns, promptTokens: number): number | undefined {
    const { bounds, runCount } = ids
    const size = runs.size
    let last = NO_NODE
    for (let run = 0; run < runCount; run++) {
      const from = bounds[run * 2]!
      const to = bounds[run * 2 + 1]!
      if (from >= size) {
        return from === size && run === runCount - 1
          ? this.extend(runs, ids, last, to - from + 1, promptTokens)
          : undefined
      }
      const knownTo = to < size ? to : size - 1
      if (from < 0 || runs.parentOf(from) !== last) return undefined
      if (runs.endOfRun(from, knownTo + 1) <= knownTo) return undefined
      last = knownTo
      if (to === knownTo) continue
      return run === runCount - 1
        ? this.extend(runs, ids, last, to - knownTo, promptTokens)
        : undefined
    }
    return this.extend(runs, ids, last, 0, promptTokens)
  }

  private addInterned(runs: BlockRuns, ids: IdRuns, promptTokens: number): number {
    const interner = this.interned()
    interner.find(ids)
    const { known, last } = interner
    const end = this.extend(runs, ids, last, ids.length - known, promptTokens)
    if (end !== REFUSED) interner.add(ids)
    return end
  }

  /** Adds a path that is known up to `last`; only there the lengths can disagree. */
  private extend(
    runs: BlockRuns,
    ids: IdRuns,
    last: number,
    added: number,
    promptTokens: number,
  ): number {
    const { blockTokens } = runs
    const length = ids.length
    const lastTokens = Math.min(blockTokens, promptTokens - (length - 1) * blockTokens)
    if (last !== NO_NODE) {
      // A block that others follow is full, or they would not have been let in.
      const depth = length - added
      const known = runs.tokensOf(last, depth)
      const wanted = added > 0 ? blockTokens : lastTokens
      if (known !== wanted) return this.refuse(depth - 1, known, wanted)
    }
    return runs.add(last, added, promptTokens, lastTokens < blockTokens)
  }

  private refuse(at: number, known: number, wanted: number): number {
    this.refusal = { at, known, wanted }
    return REFUSED
  }

  /** The interner, which knows all blocks numbered so far. */
  private interned(): BlockInterner {
    if (this.interner !== undefined) return this.interner
    const interner = new BlockInterner()
    const { runs } = this
    const size = runs?.size ?? 0
    for (let block = 0; block < size; ) {
      const end = runs!.endOfRun(block, size)
      interner.addRun(runs!.parentOf(block), block, end - block)
      block = end
    }
    this.interner = interner
    return interner
  }

  private endsOf(interner: BlockInterner): Int32List {
    if (this.ends !== undefined) return this.ends
    const ends = new Int32List()
    const depths = new Int32List()
    const { runs } = this
    for (let block = 0; block < interner.size; block++) {
      const above = interner.parentOf(block)
      const depth = above === NO_NODE ? 1 : depths.values[above]! + 1
      depths.push(depth)
      const start = above === NO_NODE ? 0 : ends.values[above]!
      ends.push(start + runs!.tokensOf(block, depth))
    }
    this.ends = ends
    return ends
  }
}
