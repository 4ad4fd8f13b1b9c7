const INITIAL_CAPACITY = 64

/**
 * Pending events in order of (time, kind, subject, sequence): a binary heap over typed arrays. What
 * an event means is the caller's business: a kind and a subject, both integers.
 *
 * `pop` puts the earliest event into the fields {@link EventQueue.timeMs}, {@link EventQueue.kind}
 * and {@link EventQueue.subject}, so that no object is made per event. Push and pop are O(log n).
 */
export class EventQueue {
  /** Time of the last popped event, in ms. */
  timeMs = 0
  /** Kind of the last popped event; also its priority among events of one time. */
  kind = 0
  /** What the last popped event is about. */
  subject = 0
  private times = new Float64Array(INITIAL_CAPACITY)
  private sequences = new Float64Array(INITIAL_CAPACITY)
  private kinds = new Int32Array(INITIAL_CAPACITY)
  private subjects = new Int32Array(INITIAL_CAPACITY)
  private count = 0
  private nextSequence = 0

  /** Events pending. */
  get size(): number {
    return this.count
  }

  /**
   * Adds an event.
   * @param kind - events of one time are handled lowest kind first
   * @param subject - and those of one kind lowest subject first
   */
  push(timeMs: number, kind: number, subject: number): void {
    if (this.count === this.times.length) this.grow()
    let at = this.count++
    const sequence = this.nextSequence++
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.isBefore(timeMs, kind, subject, sequence, above)) break
      this.move(above, at)
      at = above
    }
    this.place(at, timeMs, kind, sequence, subject)
  }

  /** Takes the earliest event. @returns false when there is none */
  pop(): boolean {
    if (this.count === 0) return false
    this.timeMs = this.times[0]!
    this.kind = this.kinds[0]!
    this.subject = this.subjects[0]!
    const last = --this.count
    if (last > 0) this.sink(last)
    return true
  }

  /** Puts the event at `from`, now outside the heap, back in from the top. */
  private sink(from: number): void {
    const timeMs = this.times[from]!
    const kind = this.kinds[from]!
    const sequence = this.sequences[from]!
    const subject = this.subjects[from]!
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= this.count) break
      const right = below + 1
      if (
        right < this.count &&
        this.isBefore(
          this.times[right]!,
          this.kinds[right]!,
          this.subjects[right]!,
          this.sequences[right]!,
          below,
        )
      ) {
        below = right
      }
      if (this.isBefore(timeMs, kind, subject, sequence, below)) break
      this.move(below, at)
      at = below
    }
    this.place(at, timeMs, kind, sequence, subject)
  }

  private isBefore(
    timeMs: number,
    kind: number,
    subject: number,
    sequence: number,
    other: number,
  ): boolean {
    const otherTime = this.times[other]!
    if (timeMs !== otherTime) return timeMs < otherTime
    const otherKind = this.kinds[other]!
    if (kind !== otherKind) return kind < otherKind
    const otherSubject = this.subjects[other]!
    if (subject !== otherSubject) return subject < otherSubject
    return sequence < this.sequences[other]!
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from]!
    this.kinds[to] = this.kinds[from]!
    this.sequences[to] = this.sequences[from]!
    this.subjects[to] = this.subjects[from]!
  }

  private place(at: number, timeMs: number, kind: number, sequence: number, subject: number): void {
    this.times[at] = timeMs
    this.kinds[at] = kind
    this.sequences[at] = sequence
    this.subjects[at] = subject
  }

  private grow(): void {
    const capacity = this.times.length * 2
    const times = new Float64Array(capacity)
    times.set(this.times)
    this.times = times
    const sequences = new Float64Array(capacity)
    sequences.set(this.sequences)
    this.sequences = sequences
    const kinds = new Int32Array(capacity)
    kinds.set(this.kinds)
    this.kinds = kinds
    const subjects = new Int32Array(capacity)
    subjects.set(this.subjects)
    this.subjects = subjects
  }
}
