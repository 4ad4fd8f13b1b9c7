import type { RouterLogEntry } from '@routesim/live'

/** Prints an event of a router as a line of JSON on standard error. */
export function printLog(entry: RouterLogEntry): void {
  console.error(JSON.stringify({ time: new Date().toISOString(), ...entry }))
}
