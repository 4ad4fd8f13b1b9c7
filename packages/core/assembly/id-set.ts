import { fillMinusOne, Ints, take, takeInts } from './memory'

/** A set of small integers: adding and removing are O(1), and its members stand in a row, in no order. */
@unmanaged
export class IdSet {
  members: Ints
  size: i32
  places: Ints

  has(id: i32): bool {
    return this.places[id] >= 0
  }

  add(id: i32): void {
    if (this.places[id] >= 0) return
    this.places[id] = this.size
    this.members[this.size++] = id
  }

  remove(id: i32): void {
    const place = this.places[id]
    if (place < 0) return
    const last = this.members[--this.size]
    this.members[place] = last
    this.places[last] = place
    this.places[id] = -1
  }
}

/** An empty one, with room for numbers below `capacity`. */
export function takeIdSet(capacity: i32): IdSet {
  const set = changetype<IdSet>(take(offsetof<IdSet>()))
  set.members = takeInts(capacity)
  set.places = takeInts(capacity)
  fillMinusOne(set.places, capacity)
  return set
}
