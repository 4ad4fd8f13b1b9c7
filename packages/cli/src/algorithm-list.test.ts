import { expect, test } from 'vitest'
import { loadAlgorithms, loadOne, splitSpecs } from './algorithm-list.js'

test.each([
  ['a,b', ['a', 'b']],
  [' a , b ', ['a', 'b']],
  ['a:x=1,y=2,b', ['a:x=1,y=2', 'b']],
  ['a,b:x=1,c:y=2,z=3', ['a', 'b:x=1', 'c:y=2,z=3']],
  ['./r.ts:alpha=2,./s.js', ['./r.ts:alpha=2', './s.js']],
  ['gate(a:x=1,y=2):z=3,w=4,b', ['gate(a:x=1,y=2):z=3,w=4', 'b']],
  // Not a parameter of anything: shown as it stands in the error to come.
  ['a,x=1', ['a', 'x=1']],
])('%j are the algorithms %j', (list, specs) => {
  expect(splitSpecs(list, '-a')).toEqual(specs)
})

test('names of built-in algorithms stay as they are', async () => {
  expect(await loadAlgorithms('a,b', '-A')).toEqual(['a', 'b'])
})

test('a list without names', async () => {
  await expect(loadAlgorithms(' , ', '--algorithms')).rejects.toThrow(
    '--algorithms: expected at least one name, got " , "',
  )
})

test.each(['a,,b', ',a', 'a,'])('a list with nothing between commas, %j', (list) => {
  expect(() => splitSpecs(list, '-A')).toThrow(`-A: expected a name between commas, got "${list}"`)
})

test('an option that takes one algorithm', async () => {
  expect(await loadOne('a:x=1,y=2', '-a')).toBe('a:x=1,y=2')
  await expect(loadOne('a:x=1,b', '-a')).rejects.toThrow(
    '-a: expected one algorithm, got a:x=1 and b',
  )
})
