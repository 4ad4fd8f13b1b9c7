import type { IdRuns } from '../prompts/id-runs.js'
import { areDigits, COMMA, digitsOf, MOST_DIGITS, NO_MATCH, SPACE, WORD, ZERO } from './bytes.js'

/** Ids of so many digits are compared with the one before by two words, which may overlap. */
const LEAST_COMPARED = WORD + 1
const MOST_COMPARED = 2 * WORD
const NINE = 0x39
/** Adds one to the last byte of a word. */
const NEXT = 1 << 24

/**
 * Reads the integers of a JSON array, of at most 15 digits and not negative, from behind its
 * opening bracket; between two of them stand a comma and at most one space. Eight bytes behind the
 * array must be there to look at.
 * @param view - the memory of `bytes`
 * @returns where the closing bracket should be, {@link NO_MATCH}
 */
export function scanIds(bytes: Uint8Array, view: DataView, at: number, out: IdRuns): number {
  out.clear()
  let p = at
  let digit = bytes[p]! ^ ZERO
  if (digit > 9) return p
  let first = 0
  let last = -2
  for (;;) {
    const from = p
    let id = digit
    const head = view.getInt32(p, true)
    if (areDigits(head)) {
      if (digit === 0) return NO_MATCH
      id = digitsOf(head)
      p += WORD - 1
    }
    digit = bytes[++p]! ^ ZERO
    if (id === 0 && digit <= 9) return NO_MATCH
    while (digit <= 9) {
      id = id * 10 + digit
      digit = bytes[++p]! ^ ZERO
    }
    const digits = p - from
    if (digits > MOST_DIGITS) return NO_MATCH
    if (id !== last + 1) {
      if (last >= 0) out.pushRun(first, last)
      first = id
    }
    last = id
    if (bytes[p] !== COMMA) break
    if (digits >= LEAST_COMPARED && digits <= MOST_COMPARED) {
      // Most ids are the next number: the one before with another last digit.
      let tail = view.getInt32(p - WORD, true)
      for (let lastDigit = bytes[p - 1]!; lastDigit < NINE; lastDigit++) {
        const next = bytes[p + 1] === SPACE ? p + 2 : p + 1
        tail = (tail + NEXT) | 0
        if (view.getInt32(next, true) !== head) break
        const end = next + digits
        if (view.getInt32(end - WORD, true) !== tail || (bytes[end]! ^ ZERO) <= 9) break
        last++
        p = end
        if (bytes[p] !== COMMA) break
      }
      if (bytes[p] !== COMMA) break
    }
    if (bytes[++p] === SPACE) p++
    digit = bytes[p]! ^ ZERO
    if (digit > 9) return NO_MATCH
  }
  out.pushRun(first, last)
  return p
}
