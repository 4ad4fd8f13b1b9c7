import { expect, test } from 'vitest'
import { loadAlgorithms, splitSpecs } from './algorithm-list.js'

test.each([
  ['a,b', ['a', 'b']],
  [' a , b ', ['a', 'b']],
  ['a:x=1,y=2,b', ['a:x=1,y=2', 'b']],
  ['a,b:x=1,c:y=2,z=3', ['a', 'b:x=1', 'c:y=2,z=3']],
  ['./r.ts:alpha=2,./s.js', ['./r.ts:alpha=2', './s.js']],
  [',,a,', ['a']],
  ['gate(a:x=1,y=2):z=3,w=4,b', ['gate(a:x=1,y=2):z=3,w=4', 'b']],
  ['', []],
  // Not a parameter of anything: shown as it stands in the error to come.
  ['a,x=1', ['a', 'x=1']],
])('%j are the algorithms %j', (list, specs) => {
  expect(splitSpecs(list)).toEqual(specs)
})

test('names of built-in algorithms stay as they are', async () => {
  expect(await loadAlgorithms('a,b', '-A')).toEqual(['a', 'b'])
})

test('a list without names', async () => {
  await expect(loadAlgorithms(' , ', '--algorithms')).rejects.toThrow(
    '--algorithms: expected at least one name, got " , "',
  )
})
