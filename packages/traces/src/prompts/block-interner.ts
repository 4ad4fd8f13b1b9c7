import { Int32List, NO_NODE } from '@routesim/core'
import type { IdRuns } from './id-runs.js'
import { NO_BLOCK, PathStarts } from './path-starts.js'
import { RankedBits } from './ranked-bits.js'

/**
 * Numbers blocks in order of first appearance, where a block is an id below the block before it: the
 * same id after different beginnings is two blocks. Ids are any numbers, compared by value.
 *
 * Most blocks are new together with the one before them, and their ids differ by one. Nothing is
 * kept of those: only a block that breaks such a run can be looked up, and a path costs its runs.
 */
export class BlockInterner {
  /** Last block of the path that was searched last, as far as it is known; -1 for none. */
  last: number = NO_NODE
  /** Blocks of that path that are known. */
  known = 0
  private count = 0
  /** Blocks that do not follow the block numbered before them, or not with the id after its id. */
  private readonly breaks = new RankedBits()
  private readonly breakParents = new Int32List()
  private readonly starts = new PathStarts()

  /** Blocks so far; the number of the next new one. */
  get size(): number {
    return this.count
  }

  /** The block before a block, -1 for none. */
  parentOf(block: number): number {
    if (!this.breaks.has(block)) return block - 1
    return this.breakParents.values[this.breaks.rank(block)]!
  }

  /** Follows a path as far as it is known, into {@link last} and {@link known}. */
  find(ids: IdRuns): void {
    const { bounds, runCount } = ids
    let last = NO_NODE
    let known = 0
    for (let run = 0; run < runCount; run++) {
      const end = bounds[run * 2 + 1]!
      for (let id = bounds[run * 2]!; id <= end; ) {
        const block = this.starts.find(last, id)
        if (block === NO_BLOCK) {
          this.last = last
          this.known = known
          return
        }
        const beyond = this.breaks.next(block + 1, Math.min(this.count, block + (end - id) + 1))
        last = beyond - 1
        known += beyond - block
        id += beyond - block
      }
    }
    this.last = last
    this.known = known
  }

  /** Adds what is not known of the path that was searched last. */
  add(ids: IdRuns): void {
    const { bounds, runCount } = ids
    let parent = this.last
    let passed = 0
    for (let run = 0; run < runCount; run++) {
      const first = bounds[run * 2]!
      const length = bounds[run * 2 + 1]! - first + 1
      const skipped = Math.max(0, Math.min(length, this.known - passed))
      passed += length
      if (skipped === length) continue
      const block = this.count
      if (skipped === 0 || parent !== block - 1) this.addBreak(parent, first + skipped)
      this.count = block + length - skipped
      parent = this.count - 1
    }
  }

  /** Adds new blocks that follow `parent` and each other, with ids from `first` on. */
  addRun(parent: number, first: number, count: number): void {
    this.addBreak(parent, first)
    this.count += count
  }

  private addBreak(parent: number, id: number): void {
    this.starts.add(parent, id, this.count)
    this.breaks.push(this.count)
    this.breakParents.push(parent)
  }
}
