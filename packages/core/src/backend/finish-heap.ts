/**
 * Decoding requests of one backend by the step in which they finish, and among equals by admission: a
 * binary heap over typed arrays.
 */
export class FinishHeap {
  private readonly finish: Float64Array
  private readonly admission: Float64Array
  private readonly request: Int32Array
  private count = 0

  constructor(capacity: number) {
    this.finish = new Float64Array(capacity)
    this.admission = new Float64Array(capacity)
    this.request = new Int32Array(capacity)
  }

  get size(): number {
    return this.count
  }

  /** Step in which the first request finishes; the heap must not be empty. */
  get firstFinish(): number {
    return this.finish[0]!
  }

  /** The i-th entry; entries after the first are in no particular order. */
  requestAt(i: number): number {
    return this.request[i]!
  }

  admissionAt(i: number): number {
    return this.admission[i]!
  }

  push(finish: number, admission: number, request: number): void {
    this.rise(this.count++, finish, admission, request)
  }

  removeAt(i: number): void {
    const last = --this.count
    if (i === last) return
    const finish = this.finish[last]!
    const admission = this.admission[last]!
    const request = this.request[last]!
    const above = (i - 1) >> 1
    if (i > 0 && this.isBefore(finish, admission, above)) this.rise(i, finish, admission, request)
    else this.sink(i, finish, admission, request)
  }

  private rise(from: number, finish: number, admission: number, request: number): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.isBefore(finish, admission, above)) break
      this.move(above, at)
      at = above
    }
    this.place(at, finish, admission, request)
  }

  private sink(from: number, finish: number, admission: number, request: number): void {
    let at = from
    for (;;) {
      let below = 2 * at + 1
      if (below >= this.count) break
      if (
        below + 1 < this.count &&
        this.isBefore(this.finish[below + 1]!, this.admission[below + 1]!, below)
      ) {
        below++
      }
      if (this.isBefore(finish, admission, below)) break
      this.move(below, at)
      at = below
    }
    this.place(at, finish, admission, request)
  }

  private isBefore(finish: number, admission: number, other: number): boolean {
    const otherFinish = this.finish[other]!
    return finish !== otherFinish ? finish < otherFinish : admission < this.admission[other]!
  }

  private move(from: number, to: number): void {
    this.finish[to] = this.finish[from]!
    this.admission[to] = this.admission[from]!
    this.request[to] = this.request[from]!
  }

  private place(at: number, finish: number, admission: number, request: number): void {
    this.finish[at] = finish
    this.admission[at] = admission
    this.request[at] = request
  }
}
