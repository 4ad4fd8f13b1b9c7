const LF = 0x0a
const CR = 0x0d

/** Counts the events of a stream as its bytes come: each ends with an empty line, of CRLF or LF. */
export class EventCount {
  /** Events that have ended. */
  events = 0
  /** Bytes of the line that has begun, at most 2. */
  private length = 0
  private last = LF
  /** Whether there was a line that is not empty since the last event. */
  private isOpen = false

  take(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.append(chunk, start, end)
      const isEmpty = this.length === 0 || (this.length === 1 && this.last === CR)
      if (isEmpty && this.isOpen) this.events++
      this.isOpen = !isEmpty
      this.length = 0
      start = end + 1
    }
    this.append(chunk, start, chunk.length)
  }

  private append(chunk: Buffer, start: number, end: number): void {
    if (end === start) return
    this.length = Math.min(2, this.length + end - start)
    this.last = chunk[end - 1]!
  }
}
