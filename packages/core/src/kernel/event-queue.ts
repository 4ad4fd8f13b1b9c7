const INITIAL_CAPACITY = 64

/**
 * Pending events in order of (time, subject): a binary heap over typed arrays. What an event
 * means is the caller's business: its subject is an integer. Push and pop are O(log n).
 */
export class EventQueue {
  /** The first stands at `Infinity` when there is none. */
  private times = new Float64Array(INITIAL_CAPACITY).fill(Number.POSITIVE_INFINITY)
  private subjects = new Int32Array(INITIAL_CAPACITY)
  private count = 0

  /** Events pending. */
  get size(): number {
    return this.count
  }

  /** Time of the earliest event, `Infinity` when there is none. */
  get earliestMs(): number {
    return this.times[0]!
  }

  /** Adds an event; of those of one time the lowest subject comes first. */
  push(timeMs: number, subject: number): void {
    if (this.count === this.times.length) this.grow()
    let at = this.count++
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.isBefore(timeMs, subject, above)) break
      this.move(above, at)
      at = above
    }
    this.place(at, timeMs, subject)
  }

  /** Takes the earliest event; the queue must not be empty. @returns its subject */
  pop(): number {
    const subject = this.subjects[0]!
    const last = --this.count
    if (last > 0) this.sink(this.times[last]!, this.subjects[last]!)
    else this.times[0] = Number.POSITIVE_INFINITY
    return subject
  }

  /** Takes out the event with a subject: O(pending). @returns false when there is none */
  remove(subject: number): boolean {
    const at = this.subjects.subarray(0, this.count).indexOf(subject)
    if (at < 0) return false
    const last = --this.count
    const timeMs = this.times[last]!
    const moved = this.subjects[last]!
    if (last === 0) this.times[0] = Number.POSITIVE_INFINITY
    else if (at < last) {
      // What takes its place may belong above it or below.
      let place = at
      while (place > 0) {
        const above = (place - 1) >> 1
        if (!this.isBefore(timeMs, moved, above)) break
        this.move(above, place)
        place = above
      }
      this.sink(timeMs, moved, place)
    }
    return true
  }

  /** Puts an event back in, from a place downwards. */
  private sink(timeMs: number, subject: number, from = 0): void {
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= this.count) break
      const right = below + 1
      if (right < this.count && this.isBefore(this.times[right]!, this.subjects[right]!, below)) {
        below = right
      }
      if (this.isBefore(timeMs, subject, below)) break
      this.move(below, at)
      at = below
    }
    this.place(at, timeMs, subject)
  }

  private isBefore(timeMs: number, subject: number, other: number): boolean {
    const otherTime = this.times[other]!
    return timeMs !== otherTime ? timeMs < otherTime : subject < this.subjects[other]!
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from]!
    this.subjects[to] = this.subjects[from]!
  }

  private place(at: number, timeMs: number, subject: number): void {
    this.times[at] = timeMs
    this.subjects[at] = subject
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2)
    times.set(this.times)
    this.times = times
    const subjects = new Int32Array(this.subjects.length * 2)
    subjects.set(this.subjects)
    this.subjects = subjects
  }
}
