/** Where a search for the border between values that suffice and values that do not stands. */
export interface Bracket {
  /** Nearest value known to lie on the lower side of the border. */
  readonly below: number | undefined
  /** Nearest value known to lie on the upper side. */
  readonly above: number | undefined
}

/** What {@link Bisection} takes. */
export interface BisectionOptions {
  /** Value that is tried first. */
  readonly start: number
  /** Values outside are not tried. */
  readonly min: number
  readonly max: number
  /** Ends once `above` is at most (1 + precision) times `below`; 0 for integers, which end next to each other. */
  readonly precision: number
  readonly integer: boolean
}

/**
 * Finds the border of a property that all values up to a point have and none beyond: doubles or halves
 * until the border is enclosed, then halves the interval, by ratio.
 *
 * @example
 * const search = new Bisection({ start: 10, min: 1, max: 1000, precision: 0.02, integer: false })
 * for (let value = search.next(); value !== undefined; value = search.next()) {
 *   search.tell(value, isLow(value))
 * }
 */
export class Bisection {
  private readonly options: BisectionOptions
  private below: number | undefined
  private above: number | undefined

  constructor(options: BisectionOptions) {
    this.options = options
  }

  get bracket(): Bracket {
    return { below: this.below, above: this.above }
  }

  /** The value to try next; undefined when the border is known as well as asked for, or out of reach. */
  next(): number | undefined {
    const { below, above } = this
    const { start, min, max, precision, integer } = this.options
    if (below === undefined && above === undefined) return start
    if (below === undefined)
      return above! <= min ? undefined : this.rounded(Math.max(min, above! / 2))
    if (above === undefined) return below >= max ? undefined : Math.min(max, below * 2)
    if (integer) return above - below <= 1 ? undefined : Math.floor((below + above) / 2)
    return above / below <= 1 + precision ? undefined : Math.sqrt(below * above)
  }

  /** @param isBelow - whether the value lies on the lower side of the border */
  tell(value: number, isBelow: boolean): void {
    if (isBelow) this.below = Math.max(this.below ?? value, value)
    else this.above = Math.min(this.above ?? value, value)
  }

  private rounded(value: number): number {
    return this.options.integer ? Math.floor(value) : value
  }
}
