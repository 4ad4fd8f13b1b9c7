import { expect, test } from 'vitest'
import { TextTokens } from './text-tokens.js'

test('by hand: four characters to a token, of which the last may have fewer', () => {
  const tokens = new TextTokens()
  expect(['', 'abcd', 'abcde'].map((text) => tokens.count(text))).toEqual([1, 1, 2])
  const text = `${'a'.repeat(64)}${'b'.repeat(64)}c`
  expect(tokens.count(text)).toBe(33)
  expect(tokens.blocks(text)).toEqual(['a'.repeat(64), 'b'.repeat(64)])
})

test('by hand: blocks of 16 tokens of 2.6 characters end at whole characters', () => {
  const tokens = new TextTokens(2.6)
  const text = 'x'.repeat(130)
  // 41.6, 83.2 and 124.8 characters.
  expect(tokens.count(text)).toBe(50)
  expect(tokens.blocks(text).map(({ length }) => length)).toEqual([42, 41, 42])
})
