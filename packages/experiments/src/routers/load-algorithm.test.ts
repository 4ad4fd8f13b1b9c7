import { expect, test } from 'vitest'
import { loadAlgorithm } from './load-algorithm.js'

test('names of built-in algorithms stay as they are', async () => {
  expect(await loadAlgorithm('prefix_aware:cache_weight=0.5')).toBe('prefix_aware:cache_weight=0.5')
})

test('a file that is not there', async () => {
  await expect(loadAlgorithm('./none.ts')).rejects.toMatchObject({
    code: 'router_file',
    message: './none.ts: no such file',
  })
})
