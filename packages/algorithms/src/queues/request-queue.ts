/** What a queue knows of a request that waits. */
export interface QueuedRequest {
  readonly arrivalMs: number
  /** Larger is more urgent; classes never mix. */
  readonly priority: number
  /** When the first token is due, in ms; Infinity for never. */
  readonly deadlineMs: number
  /** Prompt tokens yet to compute, at least 1. */
  readonly uncachedTokens: number
}

/** Gives the request with the smallest key the first turn. */
export type QueueDiscipline = (request: QueuedRequest) => number

/** The classic disciplines by name; within one key, the first to come is the first to go. */
export const queueDisciplines: Readonly<
  Record<'fcfs' | 'lcfs' | 'edf' | 'sjf' | 'wspt', QueueDiscipline>
> = /* @__PURE__ */ Object.freeze({
  /** First come, first served. */
  fcfs: ({ arrivalMs }) => arrivalMs,
  /** Last come, first served. */
  lcfs: ({ arrivalMs }) => -arrivalMs,
  /** Earliest deadline first. */
  edf: ({ deadlineMs }) => deadlineMs,
  /** Shortest job first. */
  sjf: ({ uncachedTokens }) => uncachedTokens,
  /** Weighted shortest processing time: (1 + priority) per uncached token, the most first. */
  wspt: ({ priority, uncachedTokens }) => -(1 + Math.max(0, priority)) / uncachedTokens,
})

interface Waiting<Request extends QueuedRequest> {
  readonly request: Request
  readonly key: number
  readonly sequence: number
}

/**
 * A queue of requests by strict priority, then by a discipline, then by order of coming: a binary heap.
 * `push` and `pop` are O(log length), `peek` O(1).
 *
 * Source: the order of ai-dynamo/dynamo, lib/kv-router/src/scheduling/policy.rs.
 *
 * @example
 * const queue = new RequestQueue(queueDisciplines.sjf)
 * const at = { arrivalMs: 0, priority: 0, deadlineMs: Infinity }
 * queue.push({ ...at, uncachedTokens: 9 })
 * queue.push({ ...at, uncachedTokens: 4 })
 * queue.pop().uncachedTokens // => 4
 */
export class RequestQueue<Request extends QueuedRequest = QueuedRequest> {
  private readonly discipline: QueueDiscipline
  private readonly heap: Waiting<Request>[] = []
  private sequence = 0

  constructor(discipline: QueueDiscipline) {
    this.discipline = discipline
  }

  /** Requests that wait. */
  get length(): number {
    return this.heap.length
  }

  /** Puts a request in the queue. */
  push(request: Request): void {
    const { heap } = this
    const waiting = { request, key: this.discipline(request), sequence: this.sequence++ }
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent]!, waiting)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = waiting
  }

  /** The request whose turn it is, left where it is. */
  peek(): Request | undefined {
    return this.heap[0]?.request
  }

  /** Takes the request whose turn it is. */
  pop(): Request | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return undefined
    const size = heap.length
    if (size === 0) return first.request
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first.request
  }
}

function isBefore(a: Waiting<QueuedRequest>, b: Waiting<QueuedRequest>): boolean {
  if (a.request.priority !== b.request.priority) return a.request.priority > b.request.priority
  return a.key !== b.key ? a.key < b.key : a.sequence < b.sequence
}
