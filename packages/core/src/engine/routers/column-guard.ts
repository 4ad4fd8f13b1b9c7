import { COUNTED_COLUMNS } from '../../backend/backend-loads.js'
import { RouteSimError } from '../../errors/routesim-error.js'
import type { BackendColumns } from '../../routing/cluster-view.js'

const COLUMNS = [...COUNTED_COLUMNS, 'maxQueueDepth'] as const

/** All of the first decisions are looked at, and then one in so many, a power of two: a look costs a copy. */
const FIRST = 64
const EVERY = 1024

/**
 * Finds out routers that write into `cluster.columns`, which only their type forbids: what a decision found there, it
 * must leave. Hooks, and the decisions in between, are seen at the end of the run, by what they left behind.
 */
export class ColumnGuard {
  private readonly columns: BackendColumns
  /** By place in the list of columns. */
  private before: readonly Float64Array[] | undefined
  private decisions = 0

  constructor(columns: BackendColumns) {
    this.columns = columns
  }

  /** A decision begins. @returns whether to {@link check} when it is made */
  begin(): boolean {
    const decision = this.decisions++
    if (decision >= FIRST && decision % EVERY !== 0) return false
    this.keep()
    return true
  }

  /** @throws RouteSimError `router_failed` when a column is another than before the decision */
  check(): void {
    for (const [i, column] of COLUMNS.entries()) {
      const [given, found] = [this.before![i]!, this.columns[column]]
      for (let id = 0; id < given.length; id++)
        if (found[id] !== given[id]) throw written(column, id, given[id]!, found[id]!)
    }
  }

  private keep(): void {
    const { columns } = this
    const { length } = columns.waiting
    this.before ??= COLUMNS.map(() => new Float64Array(length))
    for (const [i, column] of COLUMNS.entries()) this.before[i]!.set(columns[column])
  }
}

function written(column: string, id: number, given: number, found: number): RouteSimError {
  return new RouteSimError(
    `cluster.columns.${column}: expected the column as it was given, got ${found} in place of ${given} for backend ${id}`,
    {
      code: 'router_failed',
      hint: `Write into a copy, as in Float64Array.from(cluster.columns.${column}): columns are what the cluster itself counts with.`,
    },
  )
}
