import { RouteSimError } from '../errors/routesim-error.js'
import type { PromptTree } from './prompt-tree.js'
import type { RequestTable } from './request-table.js'

/**
 * Requests that are made one by one as they arrive, for runs that keep nothing per request. What their
 * prompts share is known from the beginning.
 */
export interface RequestSource {
  /** How many there are. */
  readonly size: number
  readonly prompts: PromptTree
  readonly strings: readonly string[]
  /**
   * All requests, where they are in a table already. Without it, every prompt has to end where a node
   * of `prompts` does, or in tokens of its own.
   */
  readonly table?: RequestTable
  /**
   * Writes the next request, which arrives no earlier than the one before, to a row of `window`: every
   * column but those that all requests leave at their default. Called `size` times.
   */
  next(window: RequestTable, row: number): void
}

/**
 * The rows of a table, one by one: for a run that keeps nothing per request of a trace that was read.
 *
 * @throws RouteSimError `request_invalid` when requests wait for others: that takes all of the table
 *
 * @example
 * new Simulation({ ...options, requests: tableSource(table) })
 */
export function tableSource(table: RequestTable): RequestSource {
  if (table.predecessor !== undefined) {
    throw new RouteSimError(
      'requests: expected none that waits for another in a run that keeps nothing per request',
      { code: 'request_invalid', hint: 'Run it with per-request results.' },
    )
  }
  let at = 0
  return {
    size: table.size,
    prompts: table.prompts,
    strings: table.strings,
    table,
    next(window, row) {
      window.arrivalMs[row] = table.arrivalMs[at]!
      window.promptTokens[row] = table.promptTokens[at]!
      window.outputTokens[row] = table.outputTokens[at]!
      window.maxTokens[row] = table.maxTokens[at]!
      window.promptNode[row] = table.promptNode[at]!
      window.prefixTokens[row] = table.prefixTokens[at]!
      window.session[row] = table.session[at]!
      window.user[row] = table.user[at]!
      window.tenant[row] = table.tenant[at]!
      window.model[row] = table.model[at]!
      window.adapter[row] = table.adapter[at]!
      window.priority[row] = table.priority[at]!
      if (table.sloClass !== undefined) window.sloClass![row] = table.sloClass[at]!
      if (table.deadlineMs !== undefined) window.deadlineMs![row] = table.deadlineMs[at]!
      window.ttftSloMs[row] = table.ttftSloMs[at]!
      at++
    },
  }
}
