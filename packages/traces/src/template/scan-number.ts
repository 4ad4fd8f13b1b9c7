import { areDigits, digitsOf, NO_MATCH, WORD, ZERO } from './bytes.js'
import { exactQuotient } from './exact-quotient.js'

const MINUS = 0x2d
const DOT = 0x2e ^ ZERO
const SMALL_E = 0x65 ^ ZERO
const LARGE_E = 0x45 ^ ZERO
const PLUS = 0x2b ^ ZERO
const DASH = MINUS ^ ZERO

/** Digits that an integer of 32 bits holds for sure. */
const INT_DIGITS = 9

/**
 * Reads the JSON number at `at` into `out[slot]`, as `JSON.parse` would. Three bytes behind the one that
 * ends the number must be there to look at.
 * @param view - the memory of `bytes`
 * @returns where it ends, {@link NO_MATCH} when there is none
 */
export function scanNumber(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  out: Float64Array,
  slot: number,
): number {
  const from = bytes[at] === MINUS ? at + 1 : at
  let p = from
  let value = bytes[p]! ^ ZERO
  if (value > 9) return NO_MATCH
  let digit = bytes[++p]! ^ ZERO
  if (value === 0 && digit <= 9) return NO_MATCH
  while (digit <= 9 && p - from < INT_DIGITS) {
    value = (Math.imul(value, 10) + digit) | 0
    digit = bytes[++p]! ^ ZERO
  }
  if (digit <= 9 || digit === DOT) {
    return scanDecimal(bytes, view, at, p, value, INT_DIGITS - (p - from), out, slot)
  }
  if (digit === SMALL_E || digit === LARGE_E) return scanText(bytes, at, out, slot)
  out[slot] = from === at ? value : -value
  return p
}

/**
 * Reads what follows the first digits of a number, which are `high`, at `from`: more digits, a point and
 * decimals. `room` digits more find room in `high`.
 */
function scanDecimal(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  from: number,
  high: number,
  room: number,
  out: Float64Array,
  slot: number,
): number {
  let p = from
  let low = 0
  let lowDigits = 0
  let decimals = 0
  let digit = bytes[p]! ^ ZERO
  for (; digit <= 9 && lowDigits < INT_DIGITS; digit = bytes[++p]! ^ ZERO, lowDigits++) {
    low = (Math.imul(low, 10) + digit) | 0
  }
  if (digit === DOT) {
    const first = ++p
    for (; room >= WORD; room -= WORD, p += WORD) {
      const word = view.getInt32(p, true)
      if (!areDigits(word)) break
      high = (Math.imul(high, 10_000) + digitsOf(word)) | 0
    }
    digit = bytes[p]! ^ ZERO
    for (; digit <= 9 && room > 0; digit = bytes[++p]! ^ ZERO, room--) {
      high = (Math.imul(high, 10) + digit) | 0
    }
    for (; lowDigits + WORD <= INT_DIGITS; lowDigits += WORD, p += WORD) {
      const word = view.getInt32(p, true)
      if (!areDigits(word)) break
      low = (Math.imul(low, 10_000) + digitsOf(word)) | 0
    }
    digit = bytes[p]! ^ ZERO
    for (; digit <= 9 && lowDigits < INT_DIGITS; digit = bytes[++p]! ^ ZERO, lowDigits++) {
      low = (Math.imul(low, 10) + digit) | 0
    }
    decimals = p - first
    if (decimals === 0 && digit > 9) return NO_MATCH
  }
  const goesOn = digit <= 9 || digit === SMALL_E || digit === LARGE_E || digit === DOT
  if (goesOn || !exactQuotient(high, low, lowDigits, decimals, out, slot)) {
    return scanText(bytes, at, out, slot)
  }
  if (bytes[at] === MINUS) out[slot] = -out[slot]!
  return p
}

/** Reads a number of any form, by way of a string. */
function scanText(bytes: Uint8Array, at: number, out: Float64Array, slot: number): number {
  let p = skipDigits(bytes, bytes[at] === MINUS ? at + 1 : at)
  if ((bytes[p]! ^ ZERO) === DOT) {
    const first = p + 1
    p = skipDigits(bytes, first)
    if (p === first) return NO_MATCH
  }
  let char = bytes[p]! ^ ZERO
  if (char === SMALL_E || char === LARGE_E) {
    char = bytes[++p]! ^ ZERO
    if (char === PLUS || char === DASH) p++
    const first = p
    p = skipDigits(bytes, first)
    if (p === first) return NO_MATCH
  }
  let text = ''
  for (let i = at; i < p; i++) text += String.fromCharCode(bytes[i]!)
  out[slot] = Number(text)
  return p
}

function skipDigits(bytes: Uint8Array, at: number): number {
  let p = at
  while ((bytes[p]! ^ ZERO) <= 9) p++
  return p
}
