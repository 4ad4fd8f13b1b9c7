import type { RequestTable } from '@routesim/core'
import { lowerColumns } from '../columns/lower-columns.js'
import { TraceColumns } from '../columns/trace-columns.js'
import type { ClientDraws } from './client-draws.js'
import { ConversationWriter } from './conversation-writer.js'
import { noRequests } from './generator-error.js'
import type { GeneratorOptions } from './generator-options.js'
import { planWorkload } from './plan-workload.js'
import { MOST_REQUESTS } from './too-many.js'
import { WorkloadDraws } from './workload-draws.js'
import type { WorkloadSpec } from './workload-spec.js'

/**
 * The making of a trace, as `generateTrace` does it, in slices: so that the caller can show progress
 * or stop. Requests are written straight into columns.
 *
 * @example
 * const generation = new TraceGeneration({ rateRps: 1000, durationSec: 10_000 })
 * while (!generation.run(100_000)) console.error(generation.size)
 * const table = generation.table()
 */
export class TraceGeneration {
  private readonly spec: WorkloadSpec
  private readonly columns = new TraceColumns()
  private readonly draws: WorkloadDraws
  private readonly writers = new Map<ClientDraws, ConversationWriter>()
  private isDone = false

  /** @throws RouteSimError `generator_invalid` */
  constructor(options: GeneratorOptions | WorkloadSpec) {
    const { spec, aliases } = planWorkload(options, MOST_REQUESTS)
    this.spec = spec
    this.draws = new WorkloadDraws(spec, aliases, this.columns)
  }

  /** Requests made so far. */
  get size(): number {
    return this.columns.size
  }

  /**
   * Makes about `maxRequests` requests, a conversation whole; all that are left when it is not given.
   * @returns true when there are no more
   * @throws RouteSimError `generator_invalid`
   */
  run(maxRequests: number = Number.POSITIVE_INFINITY): boolean {
    const { columns, draws, spec } = this
    const until = columns.size + maxRequests
    while (!this.isDone && columns.size < until) {
      const drawn =
        columns.size < (spec.requests ?? Number.POSITIVE_INFINITY) ? draws.next() : undefined
      if (drawn === undefined) this.isDone = true
      else this.add(drawn)
    }
    return this.isDone
  }

  /**
   * The finished table. Nothing can be generated afterwards.
   * @throws RouteSimError `generator_invalid` when the time was too short for a request
   */
  table(): RequestTable {
    const { columns, spec } = this
    if (columns.size === 0) throw noRequests(spec)
    return lowerColumns(columns, 'extend').table
  }

  private add(client: ClientDraws): void {
    let writer = this.writers.get(client)
    if (writer === undefined) {
      writer = new ConversationWriter(this.columns, client)
      this.writers.set(client, writer)
    }
    if (writer.isFull) this.draws.retire()
    else writer.add()
  }
}
