import { expect, test } from 'vitest'
import { loadAlgorithm, loadAlgorithms, splitAlgorithms } from './load-router.js'

test.each([
  ['a,b', ['a', 'b']],
  [' a , b ', ['a', 'b']],
  ['a:x=1,y=2,b', ['a:x=1,y=2', 'b']],
  ['a,b:x=1,c:y=2,z=3', ['a', 'b:x=1', 'c:y=2,z=3']],
  ['./r.ts:alpha=2,./s.js', ['./r.ts:alpha=2', './s.js']],
  [',,a,', ['a']],
  ['', []],
  // Not a parameter of anything: shown as it stands in the error to come.
  ['a,x=1', ['a', 'x=1']],
])('%j are the algorithms %j', (list, specs) => {
  expect(splitAlgorithms(list)).toEqual(specs)
})

test('names of built-in algorithms stay as they are', async () => {
  expect(await loadAlgorithm('prefix_aware:cache_weight=0.5')).toBe('prefix_aware:cache_weight=0.5')
  expect(await loadAlgorithms('a,b', '-A')).toEqual(['a', 'b'])
})

test('a file that is not there, and a list without names', async () => {
  await expect(loadAlgorithm('./none.ts')).rejects.toMatchObject({
    code: 'router_file',
    message: './none.ts: no such file',
  })
  await expect(loadAlgorithms(' , ', '--algorithms')).rejects.toThrow(
    '--algorithms: expected at least one name, got " , "',
  )
})
