/** The waiting requests of one backend in the order of its local policy. */
export interface LocalQueue {
  /** The request that goes next, -1 when nobody waits. */
  peek(): number
  /** @param isFirst - whether it counts as having come before all others */
  push(request: number, isFirst: boolean): void
  /** Takes out the one that `peek` names. */
  pop(): number
  /** Passes over the one that `peek` names until the round ends. */
  setAside(): void
  /** Those who were passed over stand again where they stood. */
  endRound(): void
  /** Takes a request out wherever it stands. @returns false when it is not there */
  remove(request: number): boolean
  /** Forgets all who wait. */
  clear(): void
  /** A batch has room: decides who goes first now. */
  arrange(): void
}
