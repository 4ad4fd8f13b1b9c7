/**
 * A well-mixed unsigned 32-bit hash of an integer: the finaliser of MurmurHash3 (Austin Appleby, public
 * domain). O(1), no allocation.
 *
 * @param seed - gives another, independent hash
 * @example
 * hashInteger(1) === hashInteger(1, 7) // => false
 */
export function hashInteger(value: number, seed = 0): number {
  let h = (value ^ Math.imul(seed + 1, 0x9e3779b1)) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * A well-mixed unsigned 32-bit hash of a text: FNV-1a over its UTF-16 code units, then
 * {@link hashInteger}. O(length), no allocation.
 *
 * @example
 * hashString('a') === hashString('b') // => false
 */
export function hashString(text: string, seed = 0): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return hashInteger(h, seed)
}
