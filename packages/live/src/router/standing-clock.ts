/**
 * A clock that stands still for a turn of the event loop. What a hook begins and those that are asked because
 * of it bring to an end has one time, as in a simulation; algorithms know by it what belongs together.
 *
 * @param now - in ms, from any start
 */
export function standingClock(now: () => number): () => number {
  let standsAt: number | undefined
  return () => {
    if (standsAt === undefined) {
      standsAt = now()
      setImmediate(() => {
        standsAt = undefined
      })
    }
    return standsAt
  }
}
