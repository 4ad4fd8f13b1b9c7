/** What is tried: requests per second alone, or the backends of each pool that grows. */
export type TriedValue = readonly number[]

/** The border between values that meet the targets and values that miss them, as far as it is known. */
export interface Border {
  /** Nearest value that meets them. */
  readonly meets: TriedValue | undefined
  /** Nearest rate that misses them, or the most backends that do however they are dealt out. */
  readonly misses: number | undefined
}

/** Looks for a border: says what to try next, and is told what came of it. */
export interface BorderSearch {
  readonly border: Border
  /** Undefined when the border is known as well as asked for, or out of reach. */
  next(): TriedValue | undefined
  tell(value: TriedValue, meets: boolean): void
}
