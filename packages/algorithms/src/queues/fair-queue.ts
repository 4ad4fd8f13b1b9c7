import { type QueueDiscipline, type QueuedRequest, RequestQueue } from './request-queue.js'

/** Whose turn it is among the flows of one priority. */
export type Fairness = 'round_robin' | 'deficit_round_robin' | 'none'

/** What a {@link FairQueue} knows of a request. */
export interface FlowRequest extends QueuedRequest {
  /** Whose it is. */
  readonly flow: string
  /** What it costs the flow, in tokens. */
  readonly cost: number
}

/** So many more than half of a queue may have been removed before it is swept. */
const FEW_REMOVED = 16

/** One flow's requests, and what it may still spend in its turn. */
interface Flow<Request extends FlowRequest> {
  /** Some of them may have been removed. */
  requests: RequestQueue<Request>
  /** Those that have not. */
  live: number
  credit: number
  hasTurn: boolean
}

/** Requests of one priority. */
interface Band<Request extends FlowRequest> {
  readonly priority: number
  /** Flows with requests, in turn: a Map keeps the order in which they came. */
  readonly flows: Map<string, Flow<Request>>
  requests: number
}

/**
 * Queues of flows in bands of priority. The highest band with requests goes first; in it flows take turns,
 * one request each (`round_robin`), as many as their credit of tokens pays for (`deficit_round_robin`), or
 * all share one queue (`none`). Within a queue a discipline decides.
 *
 * `push`, `pop` and `remove` are O(log requests + bands), on average over many; with deficits, `pop` is
 * O(flows x cost / quantum) at worst. What is removed never spends a turn: its flow is as if it had not come.
 *
 * Source of the deficit rule: Shreedhar and Varghese, "Efficient fair queuing using deficit round-robin",
 * SIGCOMM 1995.
 */
export class FairQueue<Request extends FlowRequest = FlowRequest> {
  private readonly discipline: QueueDiscipline
  private readonly fairness: Fairness
  private readonly quantum: number
  /** Highest priority first. */
  private readonly bands: Band<Request>[] = []
  /** Those that were removed and are still in their queues. */
  private readonly removed = new WeakSet<Request>()
  private count = 0

  /** @param quantum - tokens that a flow may spend in a turn, greater than 0 */
  constructor(discipline: QueueDiscipline, fairness: Fairness, quantum: number) {
    this.discipline = discipline
    this.fairness = fairness
    this.quantum = quantum
  }

  /** Requests that wait. */
  get length(): number {
    return this.count
  }

  /** Puts a request in its queue. */
  push(request: Request): void {
    const band = this.bandOf(request.priority)
    const name = this.nameOf(request)
    let flow = band.flows.get(name)
    if (flow === undefined) {
      const requests = new RequestQueue<Request>(this.discipline)
      flow = { requests, live: 0, credit: 0, hasTurn: false }
      band.flows.set(name, flow)
    }
    flow.requests.push(request)
    flow.live++
    band.requests++
    this.count++
  }

  /** Takes the request whose turn it is. */
  pop(): Request | undefined {
    const band = this.bands.find(({ requests }) => requests > 0)
    if (band === undefined) return undefined
    const request = this.popFlow(band)
    band.requests--
    this.count--
    return request
  }

  /** Takes out a request that waits, an object that was pushed and has not been popped, wherever it is. */
  remove(request: Request): void {
    const band = this.bandOf(request.priority)
    const name = this.nameOf(request)
    const flow = band.flows.get(name)!
    this.removed.add(request)
    flow.live--
    band.requests--
    this.count--
    // One that has nothing to send has neither a place in the turns nor credit.
    if (flow.live === 0) band.flows.delete(name)
    else if (flow.requests.length > 2 * flow.live + FEW_REMOVED) this.sweep(flow)
  }

  /** Leaves those that have been removed out of a queue. */
  private sweep(flow: Flow<Request>): void {
    const kept = new RequestQueue<Request>(this.discipline)
    for (let next = flow.requests.pop(); next !== undefined; next = flow.requests.pop()) {
      if (!this.removed.has(next)) kept.push(next)
    }
    flow.requests = kept
  }

  private popFlow(band: Band<Request>): Request {
    for (;;) {
      const [name, flow] = band.flows.entries().next().value!
      while (this.removed.has(flow.requests.peek()!)) flow.requests.pop()
      if (this.mayGo(flow)) {
        const request = flow.requests.pop()!
        flow.live--
        const isEmpty = flow.live === 0
        // A flow that has nothing to send keeps no credit, and a turn of one request is over.
        if (isEmpty || this.fairness === 'round_robin') band.flows.delete(name)
        if (!isEmpty && this.fairness === 'round_robin') band.flows.set(name, flow)
        return request
      }
      band.flows.delete(name)
      band.flows.set(name, flow)
    }
  }

  /** Whether the flow whose turn it is may send a request, for which it pays; else its turn is over. */
  private mayGo(flow: Flow<Request>): boolean {
    if (this.fairness !== 'deficit_round_robin') return true
    if (!flow.hasTurn) flow.credit += this.quantum
    const { cost } = flow.requests.peek()!
    flow.hasTurn = flow.credit >= cost
    if (flow.hasTurn) flow.credit -= cost
    return flow.hasTurn
  }

  private nameOf({ flow }: Request): string {
    return this.fairness === 'none' ? '' : flow
  }

  private bandOf(priority: number): Band<Request> {
    const { bands } = this
    const at = bands.findIndex((band) => band.priority <= priority)
    if (at >= 0 && bands[at]!.priority === priority) return bands[at]!
    const band: Band<Request> = { priority, flows: new Map(), requests: 0 }
    bands.splice(at < 0 ? bands.length : at, 0, band)
    return band
  }
}
