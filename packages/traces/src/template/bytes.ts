/** What a scanner answers to bytes that it does not take. */
export const NO_MATCH = -1

/** Digits of an integer that a float holds exactly. */
export const MOST_DIGITS = 15

/** The character 0; a digit xor it is its value, and no other byte gives 0 to 9. */
export const ZERO = 0x30
export const COMMA = 0x2c
export const SPACE = 0x20

/** Bytes of the words that `DataView.getInt32` reads, little-endian. */
export const WORD = 4

/** Whether the four bytes of a word are digits. */
export function areDigits(word: number): boolean {
  // The upper half of a byte is 3, and stays 3 when 6 is added, for digits alone.
  return (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030
}

/** The number that the four digits of a word are. */
export function digitsOf(word: number): number {
  const digits = word & 0x0f0f0f0f
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff
  return (Math.imul(pairs, 100) + (pairs >>> 16)) & 0xffff
}
