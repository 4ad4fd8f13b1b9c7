import type { NamePool } from '../columns/name-pool.js'
import type { IdRuns } from '../prompts/id-runs.js'

/** What a scanner answers to bytes that it does not take. */
export const NO_MATCH = -1

const MINUS = 0x2d
const COMMA = 0x2c
const SPACE = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
// A digit xor '0' is its value, and no other byte gives 0 to 9; these are what some others give.
const ZERO = 0x30
const DOT = 0x2e ^ ZERO
const SMALL_E = 0x65 ^ ZERO
const LARGE_E = 0x45 ^ ZERO
const PLUS = 0x2b ^ ZERO
const DASH = MINUS ^ ZERO

/** Digits that an integer of 32 bits holds for sure, and a float exactly. */
const INT_DIGITS = 9
const EXACT_DIGITS = 15
const POWERS_OF_TEN = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i)

/**
 * Reads the JSON number at `at` into `out[slot]`, as `JSON.parse` would.
 * @returns where it ends, {@link NO_MATCH} when there is none
 */
export function scanNumber(bytes: Uint8Array, at: number, out: Float64Array, slot: number): number {
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
  if (digit <= 9 || digit === DOT || digit === SMALL_E || digit === LARGE_E) {
    return scanLongNumber(bytes, at, from, out, slot)
  }
  out[slot] = from === at ? value : -value
  return p
}

/** Fractions, exponents and more digits than an integer of 32 bits has. */
function scanLongNumber(
  bytes: Uint8Array,
  at: number,
  from: number,
  out: Float64Array,
  slot: number,
): number {
  let p = from
  let value = 0
  let digit = bytes[p]! ^ ZERO
  for (; digit <= 9; digit = bytes[++p]! ^ ZERO) value = value * 10 + digit
  let digits = p - from
  let decimals = 0
  if (digit === DOT) {
    const first = ++p
    digit = bytes[p]! ^ ZERO
    for (; digit <= 9; digit = bytes[++p]! ^ ZERO) value = value * 10 + digit
    decimals = p - first
    if (decimals === 0) return NO_MATCH
    digits += decimals
  }
  if (digit !== SMALL_E && digit !== LARGE_E && digits <= EXACT_DIGITS) {
    // Both are exact as floats, so that the quotient is the float nearest to the decimal.
    const absolute = decimals === 0 ? value : value / POWERS_OF_TEN[decimals]!
    out[slot] = from === at ? absolute : -absolute
    return p
  }
  if (digit === SMALL_E || digit === LARGE_E) {
    digit = bytes[++p]! ^ ZERO
    if (digit === PLUS || digit === DASH) digit = bytes[++p]! ^ ZERO
    if (digit > 9) return NO_MATCH
    while (digit <= 9) digit = bytes[++p]! ^ ZERO
  }
  let text = ''
  for (let i = at; i < p; i++) text += String.fromCharCode(bytes[i]!)
  out[slot] = Number(text)
  return p
}

/**
 * Reads the integers of a JSON array, of at most 15 digits and not negative, from behind its
 * opening bracket; between two of them stand a comma and at most one space.
 * @returns where the closing bracket should be, {@link NO_MATCH}
 */
export function scanIds(bytes: Uint8Array, at: number, out: IdRuns): number {
  out.clear()
  let p = at
  let digit = bytes[p]! ^ ZERO
  if (digit > 9) return p
  let first = 0
  let last = -2
  for (;;) {
    const from = p
    let id = digit
    digit = bytes[++p]! ^ ZERO
    if (id === 0 && digit <= 9) return NO_MATCH
    while (digit <= 9) {
      id = id * 10 + digit
      digit = bytes[++p]! ^ ZERO
    }
    if (p - from > EXACT_DIGITS) return NO_MATCH
    if (id !== last + 1) {
      if (last >= 0) out.pushRun(first, last)
      first = id
    }
    last = id
    if (bytes[p] !== COMMA) break
    if (bytes[++p] === SPACE) p++
    digit = bytes[p]! ^ ZERO
    if (digit > 9) return NO_MATCH
  }
  out.pushRun(first, last)
  return p
}

/**
 * Reads the rest of a JSON string of ASCII without escapes as a name.
 * @returns where its closing quote is, {@link NO_MATCH}
 */
export function scanName(
  bytes: Uint8Array,
  at: number,
  names: NamePool,
  out: Float64Array,
  slot: number,
): number {
  let p = at
  let hash = 0
  for (let byte = bytes[p]!; byte !== QUOTE; byte = bytes[++p]!) {
    if (byte < SPACE || byte > 0x7e || byte === BACKSLASH) return NO_MATCH
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  out[slot] = names.ofHashed(bytes, at, p, hash)
  return p
}

/** Reads an integer of at most 15 digits, not negative, as the name that its digits are. */
export function scanIntegerName(
  bytes: Uint8Array,
  at: number,
  names: NamePool,
  out: Float64Array,
  slot: number,
): number {
  let p = at
  while ((bytes[p]! ^ ZERO) <= 9) p++
  const digits = p - at
  if (digits === 0 || digits > EXACT_DIGITS || (bytes[at] === ZERO && digits > 1)) return NO_MATCH
  out[slot] = names.ofBytes(bytes, at, p)
  return p
}

/** Passes over the rest of a JSON string without escapes, to its closing quote. */
export function skipString(bytes: Uint8Array, at: number): number {
  let p = at
  for (let byte = bytes[p]!; byte !== QUOTE; byte = bytes[++p]!) {
    if (byte < SPACE || byte === BACKSLASH) return NO_MATCH
  }
  return p
}
