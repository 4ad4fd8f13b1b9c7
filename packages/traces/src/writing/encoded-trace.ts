/** A table in a format: its lines, without line ends, and what the format can not hold. */
export interface EncodedTrace {
  readonly lines: Iterable<string>
  readonly lost: readonly string[]
}
