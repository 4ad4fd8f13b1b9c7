import { RouteSimError } from '../errors/routesim-error.js'

/** Timers that may be pending at once. */
export const MOST_TIMERS: number = 2 ** 20

const MOST_SUBJECTS = 2 ** 31 - 1

/**
 * What scheduled events are about, as ranges of numbers. Events of one instant come in this order, after
 * the steps that end in it and before the requests that arrive in it:
 *
 * | range | events |
 * |---|---|
 * | two per event of a backend, below 0 | it happens; routers see it |
 * | one per request | its KV cache has reached the decode backend |
 * | one per request | it is through the front end of its backend |
 * | one per request | its blocks have come from a lower tier |
 * | one | metrics are taken |
 * | one | metrics are delivered |
 * | one | KV events are delivered |
 * | one | router replicas tell each other their loads |
 * | one | the tokens that requests have got are told |
 * | one | a question is at its backend |
 * | one | the answer is at its router |
 * | one per timer | it goes off, in the order in which timers were set |
 * | one | what routers have released, or want moved, is carried out |
 * | one per request | the router that holds it is asked again |
 * | one per request | the router has worked on it long enough to decide |
 * | one per request | the client sends what it held back |
 * | one per request | the client sends again what a backend has lost |
 * | one | requests have taken too long |
 * | one | backends may wait for each other's memory |
 * | one per request | it comes, as its predecessor has ended |
 */
export class EventSubjects {
  readonly frontEnd: number
  readonly loaded: number
  readonly metricsTaken: number
  readonly metricsDelivered: number
  readonly kvDelivered: number
  readonly replicasSynced: number
  readonly progress: number
  readonly questionArrived: number
  readonly replyArrived: number
  readonly firstTimer: number
  readonly released: number
  readonly asked: number
  readonly decided: number
  readonly client: number
  readonly retried: number
  readonly timeouts: number
  readonly stuck: number
  readonly followUp: number
  readonly transfer = 0

  /** @param requests - in the whole run */
  constructor(requests: number) {
    this.frontEnd = requests
    this.loaded = 2 * requests
    this.metricsTaken = 3 * requests
    this.metricsDelivered = this.metricsTaken + 1
    this.kvDelivered = this.metricsTaken + 2
    this.replicasSynced = this.metricsTaken + 3
    this.progress = this.metricsTaken + 4
    this.questionArrived = this.metricsTaken + 5
    this.replyArrived = this.metricsTaken + 6
    this.firstTimer = this.metricsTaken + 7
    this.released = this.firstTimer + MOST_TIMERS
    this.asked = this.released + 1
    this.decided = this.asked + requests
    this.client = this.decided + requests
    this.retried = this.client + requests
    this.timeouts = this.retried + requests
    this.stuck = this.timeouts + 1
    this.followUp = this.timeouts + 2
  }

  /** The i-th of the events of backends, or, from their number on, that routers see it. */
  backendEvent(i: number, events: number): number {
    return i - 2 * events
  }

  backendEventOf(subject: number, events: number): number {
    return subject + 2 * events
  }
}

/** A subject that fits the queue. @throws RouteSimError `options_invalid` */
export function checkedSubject(subject: number): number {
  if (subject <= MOST_SUBJECTS) return subject
  throw new RouteSimError(
    'requests: too many for a router that holds them or takes time to decide',
    {
      code: 'options_invalid',
      path: 'requests',
      hint: 'Simulate at most 250 million requests at once.',
    },
  )
}
