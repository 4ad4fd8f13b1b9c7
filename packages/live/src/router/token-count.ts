const LF = 0x0a

/** Bytes of a line that are looked at: one token, with its log probabilities. */
const LOOKED_AT_BYTES = 65_536

/** A text that is there: of an answer, of thoughts, or of the arguments of a call. */
const TEXT = /"(?:content|text|reasoning|reasoning_content|arguments)": ?"(?!")/
/** A token without text of its own: part of a character, or the one that ends an answer. */
const EMPTY = /"(?:content|text)": ?""/
/** The chunk that begins an answer. */
const ROLE = /"role": ?"/

/**
 * Counts the chunks of a stream that carry a token as its bytes come; not those that name a role, end the answer
 * without a text, or tell the usage. Quotes in what an answer says are escaped, and match nothing.
 */
export class TokenCount {
  /** Lines with a token that have ended. */
  tokens = 0
  /** What came of the last line. */
  private rest = ''

  take(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.append(chunk, start, end)
      if (carriesToken(this.rest)) this.tokens++
      this.rest = ''
      start = end + 1
    }
    this.append(chunk, start, chunk.length)
  }

  private append(chunk: Buffer, start: number, end: number): void {
    const room = LOOKED_AT_BYTES - this.rest.length
    // Bytes alone: what is looked for is ASCII.
    if (end > start && room > 0)
      this.rest += chunk.toString('latin1', start, Math.min(end, start + room))
  }
}

function carriesToken(line: string): boolean {
  if (!line.startsWith('data:')) return false
  return TEXT.test(line) || (EMPTY.test(line) && !ROLE.test(line))
}
