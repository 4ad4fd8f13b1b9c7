import { expect, test } from 'vitest'
import { wrapped } from './wrapped.js'

test('lines break between words, and those that fit stay as they are', () => {
  expect(wrapped('one  two\nthree four five', 10)).toBe('one  two\nthree four\nfive')
  expect(wrapped('abcdefghijklmnop is long', 10)).toBe('abcdefghijklmnop\nis long')
  expect(wrapped('any length', Number.POSITIVE_INFINITY)).toBe('any length')
})

test('what goes on stands right of the label of its line, or below where the line began', () => {
  expect(wrapped('GPU time  some of it', 16)).toBe('GPU time  some\nof it')
  expect(wrapped('Load  some of it', 13)).toBe('Load  some of\n      it')
  expect(wrapped('  wrong: some of it', 15)).toBe('  wrong: some\n  of it')
})

test('colours take no room', () => {
  expect(wrapped('\u001b[1mone\u001b[22m two three', 7)).toBe('\u001b[1mone\u001b[22m two\nthree')
})
