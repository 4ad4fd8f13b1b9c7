/**
 * A rule that orders the backends for a key: the first is its home, the others are where it goes when the
 * home cannot take it. Members that come or go move few keys.
 */
export interface KeyPlacement {
  /**
   * Makes these backend ids the members, in any order; the same ids again cost one comparison each.
   */
  setMembers(ids: ArrayLike<number>): void
  /** Begins the order for a key given as an unsigned 32-bit hash. @returns the home, -1 without members */
  first(hash: number): number
  /** The next backend of the order that has not been met, -1 past the last. */
  next(): number
}

/** Whether two lists hold the same ids in the same order. */
export function sameIds(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** What was met in one order, as stamps by backend id, so that a new order clears nothing. */
export class MetBackends {
  private stamps = new Int32Array(0)
  private stamp = 0

  /** Forgets what was met; ids are below `size`. */
  clear(size: number): void {
    if (this.stamps.length < size) this.stamps = new Int32Array(size)
    // An Int32 has room for two thousand million orders, after which all is cleared once.
    if (this.stamp === 0x7fffffff) {
      this.stamps.fill(0)
      this.stamp = 0
    }
    this.stamp++
  }

  /** @returns whether the backend is met for the first time */
  add(id: number): boolean {
    if (this.stamps[id] === this.stamp) return false
    this.stamps[id] = this.stamp
    return true
  }
}

/** The number above all ids: the size of arrays indexed by id. */
export function sizeFor(ids: ArrayLike<number>): number {
  let size = 0
  for (let i = 0; i < ids.length; i++) if (ids[i]! >= size) size = ids[i]! + 1
  return size
}
