import { RouteSimError } from '@routesim/core'

/**
 * After a Ctrl-C: says what the results above are, and makes the exit code tell.
 * @param log - the result log that holds them, if any
 */
export function stopped(finished: number, all: number, log?: string): RouteSimError {
  // Of what is there with fewer seeds, a note has told already.
  if (finished < all) console.error(`Stopped with results of ${finished} of ${all}.`)
  if (log !== undefined) console.error('The same command with --resume does the others.')
  return new RouteSimError('interrupted', { code: 'interrupted' })
}
