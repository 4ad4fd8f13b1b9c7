import { traceError } from '../errors/trace-error.js'

/** Below the longest string that V8 can hold, 2^29 - 24 characters. */
const LONGEST_LINE = 1 << 28

/**
 * The lines of UTF-8 text, as many at a time as a chunk of bytes completes. A byte order mark is
 * dropped; a carriage return stays (to JSON it is white space).
 * @throws RouteSimError `trace_invalid` when a line is longer than `longest` characters
 */
export async function* lineBatches(
  bytes: AsyncIterable<Uint8Array>,
  source: string,
  longest: number = LONGEST_LINE,
): AsyncGenerator<string[]> {
  const decoder = new TextDecoder()
  let carry = ''
  let complete = 0
  for await (const chunk of bytes) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n')
    carry += lines[0]!
    if (carry.length > longest) {
      const where = `${source}:${complete + 1}`
      throw traceError(
        'trace_invalid',
        `${where}: expected a line of at most ${longest} characters, got a longer one`,
        { path: where },
      )
    }
    if (lines.length === 1) continue
    lines[0] = carry
    carry = lines.pop()!
    complete += lines.length
    yield lines
  }
  carry += decoder.decode()
  if (carry !== '') yield [carry]
}
