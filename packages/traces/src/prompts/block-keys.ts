import type { IdRuns } from './id-runs.js'

/** From here on an id that is written as a number and one that is written as a string are the same. */
const WIDE = 2 ** 26

/**
 * Turns the block ids of a trace into numbers that are equal when the ids are. Integers stand for
 * themselves, strings get negative numbers that are not whole.
 */
export class BlockKeys {
  private readonly strings = new Map<string, number>()

  /** Replaces the contents of `out` by the keys of `ids`. */
  write(ids: readonly (number | string)[], out: IdRuns): void {
    out.clear()
    for (const id of ids) out.push(typeof id === 'number' ? id : this.ofString(id))
  }

  private ofString(id: string): number {
    const value = Number(id)
    const isWide = Number.isSafeInteger(value) && (value < 0 || value >= WIDE)
    if (isWide && String(value) === id) return value
    let key = this.strings.get(id)
    if (key === undefined) {
      key = -0.5 - this.strings.size
      this.strings.set(id, key)
    }
    return key
  }
}
