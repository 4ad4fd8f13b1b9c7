import type { Clock } from '../../kernel/clock.js'
import type { RequestProgress } from '../../requests/request-progress.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { RequestUsage } from '../../routing/request-view.js'
import { OUTCOME } from '../results/run-result.js'

/** A {@link RequestUsage} over one row, moved from request to request. */
export class UsageCursor implements RequestUsage {
  private row = -1
  private readonly table: RequestTable
  private readonly progress: RequestProgress
  private readonly sentMs: Float64Array
  private readonly clock: Clock

  constructor(table: RequestTable, progress: RequestProgress, sentMs: Float64Array, clock: Clock) {
    this.table = table
    this.progress = progress
    this.sentMs = sentMs
    this.clock = clock
  }

  /** Moves the cursor and returns it. */
  at(row: number): this {
    this.row = row
    return this
  }

  get completed(): boolean {
    return this.progress.outcome[this.row] === OUTCOME.completed
  }
  get promptTokens(): number {
    return this.table.promptTokens[this.row]!
  }
  get cachedTokens(): number {
    return this.progress.cachedTokens[this.row]!
  }
  get outputTokens(): number {
    return this.progress.emittedTokens[this.row]!
  }
  get ttftMs(): number {
    return this.progress.firstTokenMs[this.row]! - this.sentMs[this.row]!
  }
  get e2eMs(): number {
    return this.clock.nowMs - this.sentMs[this.row]!
  }
}
