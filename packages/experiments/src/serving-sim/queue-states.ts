import { RandomStream, type RunResult } from '@routesim/core'

/** The queue of one prefill instance just before it took somebody. Columns of `queue_states.csv`. */
export interface QueueStateRow {
  /** In seconds. */
  readonly timestamp: number
  readonly instance_id: number
  readonly instance_group: 'prefill'
  /** Requests in order of arrival, as lists in JSON. */
  readonly indices: string
  readonly input_lengths: string
  /** Time left for the first token of each, in seconds; negative when it is late. */
  readonly deadlines: string
}

/**
 * The queues of all prefill instances whenever one of them takes requests, each time with some probability.
 * Made after the run from the times of its requests, so that looking costs the run nothing.
 *
 * @param sampleRate - probability of a row, from 0 to 1
 * @param ttftSloMs - when first tokens are due, after arrival
 */
export function* queueStates(
  { requests, outcomes, sentMs, seed }: RunResult,
  sampleRate: number,
  ttftSloMs: number,
): Generator<QueueStateRow, void, undefined> {
  const { admittedMs, prefillBackend } = outcomes
  const random = new RandomStream(seed, 'queue-states')
  const rows = Array.from({ length: requests.size }, (_, row) => row).filter(
    (row) => !Number.isNaN(admittedMs[row]!),
  )
  const arrivals = rows.toSorted((a, b) => sentMs[a]! - sentMs[b]! || a - b)
  rows.sort(
    (a, b) => admittedMs[a]! - admittedMs[b]! || prefillBackend[a]! - prefillBackend[b]! || a - b,
  )
  const queues = new Map<number, Set<number>>()
  let arrived = 0
  for (let i = 0; i < rows.length; ) {
    const nowMs = admittedMs[rows[i]!]!
    const instance = prefillBackend[rows[i]!]!
    for (; arrived < arrivals.length && sentMs[arrivals[arrived]!]! <= nowMs; arrived++) {
      const row = arrivals[arrived]!
      queueOf(queues, prefillBackend[row]!).add(row)
    }
    const queue = queueOf(queues, instance)
    if (random.float() < sampleRate) {
      const waiting = [...queue]
      yield {
        timestamp: nowMs / 1000,
        instance_id: instance,
        instance_group: 'prefill',
        indices: JSON.stringify(waiting),
        input_lengths: JSON.stringify(waiting.map((row) => requests.promptTokens[row]!)),
        deadlines: JSON.stringify(waiting.map((row) => (sentMs[row]! + ttftSloMs - nowMs) / 1000)),
      }
    }
    for (; i < rows.length; i++) {
      const row = rows[i]!
      if (admittedMs[row] !== nowMs || prefillBackend[row] !== instance) break
      queue.delete(row)
    }
  }
}

function queueOf(queues: Map<number, Set<number>>, instance: number): Set<number> {
  let queue = queues.get(instance)
  if (queue === undefined) {
    queue = new Set()
    queues.set(instance, queue)
  }
  return queue
}
