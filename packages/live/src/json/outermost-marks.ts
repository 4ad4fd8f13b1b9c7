const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
/** Brackets differ from braces by one bit. */
const BRACKET_BIT = 0x20
const OPENING = 0x7b
const CLOSING = 0x7d

/**
 * Finds the marks of the outermost value of JSON as its bytes come: where it begins and ends, and, of an object, the
 * colons and commas of its members. What stands in strings or deeper is passed over. The JSON has to be valid: of
 * other bytes it finds what it may.
 */
export class OutermostMarks {
  private depth = 0
  private isInString = false
  private isEscaped = false

  /**
   * Goes on with a part of the JSON. After a mark, the next search is from the byte behind it; after none, from the
   * beginning of the next part.
   * @returns where the next mark is, -1 when this part has no more
   */
  next(part: Uint8Array, from: number): number {
    for (let at = from; at < part.length; at++) {
      const byte = part[at]!
      if (this.isInString) {
        if (this.isEscaped) this.isEscaped = false
        else if (byte === BACKSLASH) this.isEscaped = true
        else if (byte === QUOTE) this.isInString = false
      } else if (byte === QUOTE) {
        this.isInString = true
      } else if ((byte | BRACKET_BIT) === OPENING) {
        if (this.depth++ === 0) return at
      } else if ((byte | BRACKET_BIT) === CLOSING) {
        if (--this.depth <= 0) {
          this.depth = 0
          return at
        }
      } else if (this.depth === 1 && (byte === COMMA || byte === COLON)) {
        return at
      }
    }
    return -1
  }
}
