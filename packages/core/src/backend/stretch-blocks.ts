import type { BulkKvCache } from '../kv-cache/kv-cache.js'
import type { RequestProgress } from '../requests/request-progress.js'
import type { DecodeBatch } from './decode-batch.js'
import type { StepPlan } from './step-plan.js'

/**
 * The KV blocks of the stretch under way on one backend: how many steps they last, and which of them are
 * allocated and committed so far. A stretch has decodes, and at most one prompt that is computed by the
 * chunk.
 */
export class StretchBlocks {
  private readonly backend: number
  private readonly blockTokens: number
  private readonly kv: BulkKvCache
  private readonly progress: RequestProgress
  private readonly decodes: DecodeBatch
  private readonly plan: StepPlan
  /** Steps whose blocks are allocated, the blocks of decodes among them, steps whose chunks are committed. */
  private allocatedSteps = 0
  private decodeBlocks = 0
  private committedSteps = 0

  constructor(
    backend: number,
    blockTokens: number,
    kv: BulkKvCache,
    progress: RequestProgress,
    decodes: DecodeBatch,
    plan: StepPlan,
  ) {
    this.backend = backend
    this.blockTokens = blockTokens
    this.kv = kv
    this.progress = progress
    this.decodes = decodes
    this.plan = plan
  }

  /** A stretch begins; the blocks of its first step are allocated, `decodeBlocks` of them for decodes. */
  begin(decodeBlocks: number): void {
    this.allocatedSteps = 1
    this.decodeBlocks = decodeBlocks
    this.committedSteps = 0
  }

  /** The largest number of steps, at most `most`, for which there are blocks. */
  stepsThatFit(most: number): number {
    const available = this.kv.available(this.backend)
    if (this.neededAfterFirst(most) <= available) return most
    let low = 1
    let high = most
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.neededAfterFirst(middle) <= available) low = middle
      else high = middle
    }
    return low
  }

  /** Allocates what the first k steps need, as far as it is not allocated yet. */
  allocate(k: number): void {
    if (k <= this.allocatedSteps) return
    const blocks = this.decodes.blocksNeeded(k)
    if (blocks > this.decodeBlocks) this.kv.take(this.backend, blocks - this.decodeBlocks)
    this.decodeBlocks = blocks
    if (this.plan.prefillCount > 0) {
      this.kv.extend(this.backend, this.plan.prefills[0]!, this.chunkEnd(k))
    }
    this.allocatedSteps = k
  }

  /** Commits what the first k steps have computed of the prompt. */
  commitChunks(k: number): void {
    if (k <= this.committedSteps || this.plan.prefillCount === 0) return
    this.kv.commit(this.backend, this.plan.prefills[0]!, this.chunkEnd(k))
    this.committedSteps = k
  }

  private neededAfterFirst(k: number): number {
    const decodes = this.decodes.blocksNeeded(k) - this.decodeBlocks
    return this.plan.prefillCount === 0
      ? decodes
      : decodes + this.chunkBlocks(k) - this.chunkBlocks(1)
  }

  private chunkBlocks(k: number): number {
    return Math.ceil(this.chunkEnd(k) / this.blockTokens)
  }

  /** Tokens of the prompt that are computed after k steps. */
  private chunkEnd(k: number): number {
    const { prefills, prefillTokens } = this.plan
    return this.progress.computedTokens[prefills[0]!]! + k * prefillTokens[0]!
  }
}
