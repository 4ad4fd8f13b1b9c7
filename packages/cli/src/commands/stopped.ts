import { RouteSimError } from '@routesim/core'

/** After a Ctrl-C: says what the results above are, and makes the exit code tell. */
export function stopped(finished: number, all: number): RouteSimError {
  console.error(`Stopped with results of ${finished} of ${all}.`)
  return new RouteSimError('interrupted', { code: 'interrupted' })
}
