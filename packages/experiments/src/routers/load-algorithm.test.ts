import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

test('a folder, a file that is no code, and a router without a name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-routers-'))
  const at = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  await expect(loadAlgorithm(folder)).rejects.toMatchObject({
    code: 'router_file',
    message: `${folder}: expected a file of TypeScript or JavaScript, such as router.ts, got a directory`,
  })
  await expect(loadAlgorithm(at('c.toml', ''))).rejects.toThrow('got one that ends in ".toml"')
  await expect(loadAlgorithm('./none')).rejects.toThrow('./none: no such file')
  const nameless = at(
    'nameless.ts',
    "import { defineRouter } from '@routesim/algorithms'\nexport default defineRouter({ description: '', create: () => ({ route: () => ({}) }) } as never)",
  )
  await expect(loadAlgorithm(nameless)).rejects.toThrow(
    'router name: expected lower case letters, digits and _, beginning with a letter, got none',
  )
})
