import { textOfBytes } from '../columns/text-of-bytes.js'
import { traceError } from '../errors/trace-error.js'

/** Below the longest string that V8 can hold, 2^29 - 24 characters. */
const LONGEST_LINE = 1 << 28

/** Bytes that may be looked at behind the last line. */
const SLACK = 8
const NEWLINE = 0x0a
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf)

/** Takes the lines of a text. */
export interface LineTaker {
  /**
   * Takes the line at `at` as bytes if it can.
   * @returns where the next line begins, -1 when it wants the line as text
   */
  bytes(bytes: Uint8Array, view: DataView, at: number): number
  /** Takes a line as text, and where it stands as bytes. */
  text(text: string, number: number, bytes: Uint8Array): void
}

/**
 * Cuts UTF-8 text that comes in chunks into lines. A byte order mark is dropped; a carriage return
 * stays (to JSON it is white space).
 */
export class LineSplitter {
  private readonly source: string
  private readonly taker: LineTaker
  private readonly longest: number
  private bytes = new Uint8Array(0)
  private view = new DataView(this.bytes.buffer)
  /** Bytes of the line that is not complete yet. */
  private pending = 0
  private lines = 0

  constructor(source: string, taker: LineTaker, longest: number = LONGEST_LINE) {
    this.source = source
    this.taker = taker
    this.longest = longest
  }

  /**
   * Takes the next bytes, and gives the lines on that they complete. The chunk may be overwritten
   * afterwards.
   * @throws RouteSimError `trace_invalid` when a line is longer than `longest` characters
   */
  push(chunk: Uint8Array): void {
    const filled = this.pending + chunk.length
    if (filled + SLACK > this.bytes.length) this.grow(filled)
    this.bytes.set(chunk, this.pending)
    const newline = chunk.indexOf(NEWLINE)
    this.checkLength(newline === -1 ? filled : this.pending + newline)
    if (newline === -1) {
      this.pending = filled
      return
    }
    const end = this.pending + chunk.lastIndexOf(NEWLINE) + 1
    this.drain(end)
    this.bytes.copyWithin(0, end, filled)
    this.pending = filled - end
  }

  /** Gives the last line on, if it has no line end. */
  end(): void {
    if (this.pending === 0) return
    this.bytes[this.pending] = NEWLINE
    this.drain(this.pending + 1)
    this.pending = 0
  }

  private drain(end: number): void {
    const { bytes, view, taker } = this
    let at = this.lines === 0 && startsWithMark(bytes, end) ? BYTE_ORDER_MARK.length : 0
    while (at < end) {
      this.lines++
      const next = taker.bytes(bytes, view, at)
      if (next !== -1) {
        at = next
        continue
      }
      const newline = bytes.indexOf(NEWLINE, at)
      taker.text(textOfBytes(bytes, at, newline), this.lines, bytes.subarray(at, newline))
      at = newline + 1
    }
  }

  private grow(filled: number): void {
    const before = this.bytes
    this.bytes = new Uint8Array(Math.max(filled + SLACK, before.length * 2))
    this.bytes.set(before.subarray(0, this.pending))
    this.view = new DataView(this.bytes.buffer)
  }

  /** Checks the line that ends, or goes on, at `to`. A character takes a byte or more. */
  private checkLength(to: number): void {
    if (
      to <= this.longest ||
      Buffer.from(this.bytes.buffer, 0, to).toString().length <= this.longest
    )
      return
    const where = `${this.source}:${this.lines + 1}`
    throw traceError(
      'trace_invalid',
      `${where}: expected a line of at most ${this.longest} characters, got a longer one`,
      { path: where },
    )
  }
}

function startsWithMark(bytes: Uint8Array, end: number): boolean {
  return end > BYTE_ORDER_MARK.length && BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte)
}
