import type { BackendEvent } from '@routesim/core'

/**
 * How long each backend was there, in ms: from when it was added until it was removed and had ended what it had.
 *
 * @param events - what happened to backends, in any order
 * @param fromMs - where the part of the run begins that counts
 * @param toMs - where it ends
 * @param lastEndMs - when the last request of each backend ended, by id
 */
export function presentTimes(
  events: readonly BackendEvent[],
  fromMs: number,
  toMs: number,
  lastEndMs: readonly number[],
): number[] {
  const between = (sinceMs: number, untilMs: number): number =>
    Math.max(0, Math.min(untilMs, toMs) - Math.max(sinceMs, fromMs))
  const changes = events
    .filter(({ kind }) => kind === 'add' || kind === 'remove')
    .sort((a, b) => a.atMs - b.atMs)
  return lastEndMs.map((lastMs, id) => {
    const own = changes.filter(({ backend }) => backend === id)
    let sinceMs = own[0]?.kind === 'add' ? Number.POSITIVE_INFINITY : fromMs
    let presentMs = 0
    for (const change of own) {
      if (change.kind === 'add') sinceMs = change.atMs
      else {
        // What ended after a backend came back is no reason to stay.
        const isLast = change === own.at(-1)
        presentMs += between(sinceMs, isLast ? Math.max(change.atMs, lastMs) : change.atMs)
        sinceMs = Number.POSITIVE_INFINITY
      }
    }
    return presentMs + between(sinceMs, toMs)
  })
}
