import { expect, test } from 'vitest'
import { skippedNote } from './skipped-note.js'

test('one line, and several', () => {
  expect(skippedNote(1)).toBe('1 faulty line skipped')
  expect(skippedNote(2)).toBe('2 faulty lines skipped')
})
