const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEF'

/**
 * What mock workers answer: three letters and a blank, which is one token by the estimate for text. The
 * same prompt gets the same answer.
 *
 * @param seed - of the prompt, 32 bits
 */
export function wordAt(seed: number, at: number): string {
  let h = Math.imul(seed ^ Math.imul(at + 1, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  return `${LETTERS[h & 31]}${LETTERS[(h >>> 5) & 31]}${LETTERS[(h >>> 10) & 31]} `
}

/** The words from one to another. */
export function wordsBetween(seed: number, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) text += wordAt(seed, at)
  return text
}
