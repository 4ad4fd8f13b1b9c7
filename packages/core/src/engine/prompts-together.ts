import type { Fleet } from '../backend/fleet.js'
import type { BackendSpec } from './simulation-options.js'

/** What it looks at. */
export interface PromptsTogetherParts {
  readonly specs: readonly BackendSpec[]
  readonly fleet: Pick<Fleet, 'hasDecodes' | 'hasPrompts'>
  /** By rank: requests in its batch. */
  readonly running: Int32Array
}

/**
 * Prompts of ranks in lockstep begin together, as a step is as slow as its slowest rank: after
 * `_balance_adp_requests` of TensorRT-LLM (py_executor.py).
 */
export class PromptsTogether {
  private readonly parts: PromptsTogetherParts
  /** By the first rank of a backend: steps in which not all had a prompt, and in which all had, and more were awaited. */
  private readonly waited: Int32Array
  private readonly batched: Int32Array

  constructor(parts: PromptsTogetherParts) {
    this.parts = parts
    this.waited = new Int32Array(parts.specs.length)
    this.batched = new Int32Array(parts.specs.length)
  }

  /** Forgets what the ranks of a backend that failed have waited, by the first of them. */
  clear(from: number): void {
    this.waited[from] = 0
    this.batched[from] = 0
  }

  /** Whether no prompt begins on the ranks from `from` to before `to` in the step that they begin. */
  holds(from: number, to: number): boolean {
    const together = this.parts.specs[from]!.promptsTogether
    if (together === undefined) return false
    const { waited, batched } = this
    const { fleet } = this.parts
    const allDecode = this.every(from, to, (rank) => fleet.hasDecodes(rank))
    if (this.every(from, to, (rank) => this.canBegin(rank))) {
      waited[from] = 0
      const holds = allDecode && batched[from]! < together.batchingSteps
      if (allDecode) batched[from] = holds ? batched[from]! + 1 : 0
      return holds
    }
    const steps = waited[from]! + 1
    const holds = allDecode && steps < together.timeoutSteps
    waited[from] = holds ? steps : 0
    return holds
  }

  private canBegin(rank: number): boolean {
    const { specs, fleet, running } = this.parts
    return running[rank]! < specs[rank]!.maxNumSeqs && fleet.hasPrompts(rank)
  }

  private every(from: number, to: number, is: (rank: number) => boolean): boolean {
    for (let rank = from; rank < to; rank++) if (!is(rank)) return false
    return true
  }
}
