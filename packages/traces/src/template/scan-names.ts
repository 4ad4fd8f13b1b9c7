import type { NamePool } from '../columns/name-pool.js'
import { MOST_DIGITS, NO_MATCH, SPACE, ZERO } from './bytes.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c

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
  if (digits === 0 || digits > MOST_DIGITS || (bytes[at] === ZERO && digits > 1)) return NO_MATCH
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
