import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { shellWords } from './shell-words.js'

test('plain words stay as they are, others are quoted so that a shell gives them back', () => {
  expect(shellWords(['run', '-a', 'a:b=0.5', "it's"])).toBe("run -a a:b=0.5 'it'\\''s'")
  const words = ['', 'a b', '$HOME', '`id`', "'", '"', '\\', ';rm', 'new\nline', '*']
  const script = `printf '%s\\0' ${shellWords(words)}`
  const shown = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })
  expect(shown.split('\0').slice(0, -1)).toEqual(words)
})
