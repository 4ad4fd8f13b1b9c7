const NONE = -1

/** A set of small integers: adding and removing are O(1), and its members stand in a row. */
export class IdSet {
  /** The members, in no particular order, up to {@link size}. */
  readonly members: Int32Array
  private readonly places: Int32Array
  private count = 0

  /** @param capacity - above the largest member */
  constructor(capacity: number) {
    this.members = new Int32Array(capacity)
    this.places = new Int32Array(capacity).fill(NONE)
  }

  get size(): number {
    return this.count
  }

  has(id: number): boolean {
    return this.places[id] !== NONE
  }

  add(id: number): void {
    if (this.places[id] !== NONE) return
    this.places[id] = this.count
    this.members[this.count++] = id
  }

  remove(id: number): void {
    const place = this.places[id]!
    if (place === NONE) return
    const last = this.members[--this.count]!
    this.members[place] = last
    this.places[last] = place
    this.places[id] = NONE
  }
}
