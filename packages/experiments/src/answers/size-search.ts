import type { Border, BorderSearch, TriedValue } from './border-search.js'

/** Sizes of a fleet, as the backends of each of its one or two pools that grow. */
export interface SizeRange {
  /** Tried first. */
  readonly start: TriedValue
  /** Most backends of each pool. */
  readonly most: TriedValue
  /** Fewest backends of all these pools. */
  readonly least: number
  /** Backends of the fleet that are there at any size. */
  readonly others: number
}

/**
 * Finds the smallest fleet that is enough, where one more backend of any pool never hurts: doubles all pools until
 * they are enough, makes each smaller by halves, and then sees whether fewer in all are enough if they are dealt
 * out otherwise. It tries few of these: what is too small for one size is too small for all within it.
 *
 * @example
 * const search = new SizeSearch({ start: [2, 3], most: [128, 192], least: 2, others: 0 })
 * for (let size = search.next(); size !== undefined; size = search.next()) {
 *   search.tell(size, isEnough(size))
 * }
 */
export class SizeSearch implements BorderSearch {
  private readonly range: SizeRange
  private smallest: TriedValue | undefined
  private readonly enough: TriedValue[] = []
  private readonly tooSmall: TriedValue[] = []

  constructor(range: SizeRange) {
    this.range = range
  }

  get border(): Border {
    const { most, others } = this.range
    const tooFew = Math.min(sum(most), smallestOutside(this.tooSmall, most) - 1)
    const misses = tooFew < most.length ? undefined : others + tooFew
    return { meets: this.smallest, misses }
  }

  next(): TriedValue | undefined {
    const { smallest } = this
    return smallest === undefined
      ? this.larger()
      : (this.smaller(smallest) ?? this.dealtOtherwise(sum(smallest) - 1))
  }

  tell(size: TriedValue, meets: boolean): void {
    const known = meets ? this.enough : this.tooSmall
    known.push(size)
    if (meets && sum(size) < sum(this.smallest ?? [Number.POSITIVE_INFINITY])) this.smallest = size
  }

  private larger(): TriedValue | undefined {
    const { start, most } = this.range
    const last = this.tooSmall.at(-1)
    if (last === undefined) return start
    if (isWithin(most, last)) return undefined
    return last.map((count, pool) => Math.min(most[pool]!, 2 * count))
  }

  /** With fewer backends of one pool. */
  private smaller(size: TriedValue): TriedValue | undefined {
    for (const [pool, count] of size.entries()) {
      const withCount = (other: number): TriedValue => size.with(pool, other)
      const tooFew = this.tooSmall
        .filter((known) => known[pool]! < count && isWithin(withCount(known[pool]!), known))
        .map((known) => known[pool]!)
      const fewest = Math.max(1, this.range.least - (sum(size) - count))
      const below = Math.max(fewest - 1, ...tooFew)
      if (count - below > 1) return withCount(Math.floor((below + count) / 2))
    }
    return undefined
  }

  /**
   * One of the sizes of so many backends in all that may be enough; or, to rule out many at once, one that they all
   * are within.
   */
  private dealtOtherwise(total: number): TriedValue | undefined {
    const { most, least } = this.range
    if (most.length < 2 || total < least) return undefined
    const [mostFirst, mostSecond] = most as readonly [number, number]
    let open: number[] = []
    const last = Math.min(mostFirst, total - 1)
    for (let first = Math.max(1, total - mostSecond); first <= last; first++) {
      const size = [first, total - first]
      if (!this.tooSmall.some((known) => isWithin(size, known))) open.push(first)
      else if (open.length > 0) break
    }
    while (open.length > 0) {
      const around = [open.at(-1)!, total - open[0]!]
      if (!this.enough.some((known) => isWithin(known, around))) return around
      open = open.slice(0, Math.floor(open.length / 2))
    }
    return undefined
  }
}

/** Whether a size has no more backends of any pool than another. */
function isWithin(size: TriedValue, other: TriedValue): boolean {
  return size.every((count, pool) => count <= other[pool]!)
}

/** Backends of the smallest size that is within none of some others; infinite if there is none. */
function smallestOutside(others: readonly TriedValue[], [most, ...rest]: TriedValue): number {
  if (most === undefined) return others.length === 0 ? 0 : Number.POSITIVE_INFINITY
  // Only one more than another has leads out of it.
  const counts = [1, ...others.map(([count]) => count! + 1)].filter((count) => count <= most)
  const totals = counts.map((count) => {
    const left = others.filter(([other]) => other! >= count).map(([, ...tail]) => tail)
    return count + smallestOutside(left, rest)
  })
  return Math.min(...totals)
}

function sum(counts: TriedValue): number {
  return counts.reduce((total, count) => total + count, 0)
}
