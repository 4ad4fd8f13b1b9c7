import { traceError } from '../errors/trace-error.js'

/** Some 4 GB of columns while they are made, and 15 GB with what a simulation notes of them. */
export const MOST_REQUESTS = 1e8

/**
 * Few conversations of very many turns can be more than the rate promises.
 * @throws RouteSimError `generator_invalid` when there are more requests than memory should hold
 */
export function checkTooMany(requests: number): void {
  if (requests <= MOST_REQUESTS) return
  throw traceError(
    'generator_invalid',
    `durationSec: expected at most ${MOST_REQUESTS} requests with all turns of conversations, got more`,
    { path: 'durationSec', hint: 'Lower the duration, or the number of turns.' },
  )
}
