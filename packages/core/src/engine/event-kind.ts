/**
 * Everything that happens in a simulation. At one instant the kinds come in this order, and within a
 * kind by subject, so that the order does not depend on how steps are simulated: finished steps first, then deliveries, then all arrivals in
 * trace order, then the scheduling of every backend touched, so that a burst with one timestamp
 * forms one batch.
 */
export const EVENT = {
  /** A backend's step ended. Subject: the backend. */
  stepCompleted: 0,
  /** The KV cache of a request reached its decode backend. Subject: the request. */
  transferCompleted: 1,
  /** A request arrives. Subject: the request. */
  requestArrived: 2,
  /** A backend may start a step. Subject: the backend. */
  scheduleDue: 3,
} as const
