/** What can happen to a backend. */
export type BackendEventKind = 'fail' | 'recover' | 'drain' | 'slow' | 'add' | 'remove'

/**
 * Something that happens to a backend at a time of a run.
 *
 * - `fail`: it stops at once; its requests and its KV cache are lost, and it takes none until it recovers.
 * - `recover`: it is back, with an empty KV cache if it had failed; or it is drained no longer.
 * - `drain`: routers see it as unhealthy; it finishes what it has, and what is still sent to it.
 * - `slow`: from the next step on, steps take `factor` times as long; 1 is as before.
 * - `add`: it joins the fleet; until then routers do not see it.
 * - `remove`: routers see it no longer; it finishes what it has.
 */
export interface BackendEvent {
  /** Virtual time in ms, at least 0. */
  readonly atMs: number
  /** Id of the backend. */
  readonly backend: number
  readonly kind: BackendEventKind
  /** With `slow`, greater than 0. */
  readonly factor?: number
}

/** What becomes of requests that their backend loses. */
export interface RetryPolicy {
  /** Times a request is sent again at most, all of them before its first token. */
  readonly attempts: number
  /** From the loss to the next time it is routed, in ms. */
  readonly backoffMs: number
}

/** Backends that slow down at some time. */
export function slowedBackends(events: readonly BackendEvent[]): ReadonlySet<number> {
  return new Set(events.filter(({ kind }) => kind === 'slow').map(({ backend }) => backend))
}
