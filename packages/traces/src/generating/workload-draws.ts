import { ClientDraws, type Registers } from './client-draws.js'
import { MinQueue } from './min-queue.js'
import { Streams } from './streams.js'
import { endOf } from './workload-extent.js'
import type { WorkloadSpec } from './workload-spec.js'

/** Names of streams for the sake of traces that earlier versions made. */
export type StreamAliases = Readonly<Record<string, string>>

/** What the clients of a workload draw, in order of arrival; of equal times the first client's. */
export class WorkloadDraws {
  private readonly clients: readonly ClientDraws[]
  private readonly queue = new MinQueue()
  private current: ClientDraws | undefined
  private at = -1
  /** The client of a workload that has but one, which needs no queue. */
  private readonly only: ClientDraws | undefined
  private isRetired = false

  constructor(spec: WorkloadSpec, aliases: StreamAliases, registers: Registers) {
    const isAlone = spec.clients.length === 1
    this.clients = spec.clients.map((client) => {
      const home = isAlone ? '' : `${client.name}/`
      const streams = new Streams(spec.seed, home, aliases)
      return new ClientDraws(client, home, streams, endOf(spec, client), registers)
    })
    if (isAlone) this.only = this.clients[0]
    else for (const i of this.clients.keys()) this.advance(i)
  }

  /** The client whose request comes next, which holds it; `undefined` when there are no more. */
  next(): ClientDraws | undefined {
    const { only } = this
    if (only !== undefined) return !this.isRetired && only.next() ? only : undefined
    // Not before: when users go on depends on what became of the request.
    if (this.current !== undefined) this.advance(this.at)
    const first = this.queue.pop()
    this.at = first?.value ?? -1
    this.current = first && this.clients[first.value]
    return this.current
  }

  /** The client whose request came last sends no more. */
  retire(): void {
    this.current = undefined
    this.isRetired = true
  }

  private advance(client: number): void {
    const draws = this.clients[client]!
    if (draws.next()) this.queue.push(draws.arrivalMs, client)
  }
}
