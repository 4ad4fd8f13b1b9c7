import type { RequestTable } from '../../requests/request-table.js'
import type { WaitingRequest } from './local-policy.js'

/** A {@link WaitingRequest} over one row of the table, moved from request to request. */
export class WaitingCursor implements WaitingRequest {
  private row = -1
  private readonly table: RequestTable

  constructor(table: RequestTable) {
    this.table = table
  }

  /** Moves the cursor and returns it. */
  at(row: number): this {
    this.row = row
    return this
  }

  get arrivalMs(): number {
    return this.table.arrivalMs[this.row]!
  }
  get promptTokens(): number {
    return this.table.promptTokens[this.row]!
  }
  get maxTokens(): number {
    return this.table.maxTokens[this.row]!
  }
  get user(): string | undefined {
    return this.table.strings[this.table.user[this.row]!]
  }
  get tenant(): string | undefined {
    return this.table.strings[this.table.tenant[this.row]!]
  }
  get adapter(): string | undefined {
    return this.table.strings[this.table.adapter[this.row]!]
  }
  get priority(): number {
    return this.table.priority[this.row]!
  }
  get ttftSloMs(): number | undefined {
    return this.table.ttftSloMs[this.row]! || undefined
  }
}
