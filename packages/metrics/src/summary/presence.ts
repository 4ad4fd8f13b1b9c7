import type { BackendEvent } from '@routesim/core'

/** From when a backend is there until it is removed; the last request of that time may end later. */
interface Stay {
  readonly sinceMs: number
  untilMs: number
  lastEndMs: number
}

/** When each backend was there: from when it was added until it was removed and had ended what it had. */
export class Presence {
  /** Whether any backend came or went. */
  readonly changes: boolean
  private readonly stays: readonly (readonly Stay[])[]

  /** @param events - what happened to backends, in any order */
  constructor(backends: number, events: readonly BackendEvent[]) {
    const changes = events
      .filter(({ kind }) => kind === 'add' || kind === 'remove')
      .sort((a, b) => a.atMs - b.atMs)
    this.changes = changes.length > 0
    this.stays = Array.from({ length: backends }, (_, id) =>
      staysOf(changes.filter(({ backend }) => backend === id)),
    )
  }

  /** A backend had a request from when it began with it to when it had done with it; nothing where either is NaN. */
  had(backend: number, beganMs: number, endedMs: number): void {
    // It may have come back while it still had what it had when it was removed.
    const stay = this.stays[backend]!.findLast(({ sinceMs }) => sinceMs <= beganMs)
    if (stay !== undefined && endedMs > stay.lastEndMs) stay.lastEndMs = endedMs
  }

  /** How long each backend was there in a part of the run, in ms by id. */
  times(fromMs: number, toMs: number): number[] {
    return this.stays.map((stays) => {
      let sumMs = 0
      let countedMs = fromMs
      for (const { sinceMs, untilMs, lastEndMs } of stays) {
        const endMs = Math.min(toMs, Math.max(untilMs, lastEndMs))
        if (endMs <= countedMs) continue
        sumMs += Math.max(0, endMs - Math.max(sinceMs, countedMs))
        countedMs = endMs
      }
      return sumMs
    })
  }
}

function staysOf(changes: readonly BackendEvent[]): Stay[] {
  const stays: Stay[] = []
  const from = (sinceMs: number): void => {
    stays.push({ sinceMs, untilMs: Number.POSITIVE_INFINITY, lastEndMs: Number.NEGATIVE_INFINITY })
  }
  if (changes[0]?.kind !== 'add') from(Number.NEGATIVE_INFINITY)
  for (const { kind, atMs } of changes) {
    if (kind === 'add') from(atMs)
    else stays.at(-1)!.untilMs = atMs
  }
  return stays
}
