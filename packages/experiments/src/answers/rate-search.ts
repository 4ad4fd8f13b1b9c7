import type { Border, BorderSearch, TriedValue } from './border-search.js'

/** What {@link RateSearch} takes. */
export interface RateRange {
  /** Rate that is tried first. */
  readonly start: number
  /** Rates outside are not tried. */
  readonly min: number
  readonly max: number
  /** Ends once the rate that misses is at most (1 + precision) times the one that meets. */
  readonly precision: number
}

/**
 * Finds the largest rate that meets the targets, where more load never helps: doubles or halves until the border is
 * enclosed, then halves the interval, by ratio.
 *
 * @example
 * const search = new RateSearch({ start: 10, min: 1, max: 1000, precision: 0.02 })
 * for (let value = search.next(); value !== undefined; value = search.next()) {
 *   search.tell(value, isCarried(value[0]))
 * }
 */
export class RateSearch implements BorderSearch {
  private readonly range: RateRange
  private meets: number | undefined
  private misses: number | undefined

  constructor(range: RateRange) {
    this.range = range
  }

  get border(): Border {
    const { meets, misses } = this
    return { meets: meets === undefined ? undefined : [meets], misses }
  }

  next(): readonly [number] | undefined {
    const rate = this.nextRate()
    return rate === undefined ? undefined : [rate]
  }

  tell([rate = Number.NaN]: TriedValue, meets: boolean): void {
    if (meets) this.meets = Math.max(this.meets ?? rate, rate)
    else this.misses = Math.min(this.misses ?? rate, rate)
  }

  private nextRate(): number | undefined {
    const { meets, misses } = this
    const { start, min, max, precision } = this.range
    if (meets === undefined && misses === undefined) return start
    if (meets === undefined) return misses! <= min ? undefined : Math.max(min, misses! / 2)
    if (misses === undefined) return meets >= max ? undefined : Math.min(max, meets * 2)
    return misses / meets <= 1 + precision ? undefined : Math.sqrt(meets * misses)
  }
}
