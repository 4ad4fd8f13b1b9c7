/** Reads the lines of one format into records. */
export interface LineReader {
  /** Takes the next line that is neither blank nor a comment. */
  line(text: string, number: number): void
  /** Takes the end of the trace. */
  end(): void
}
