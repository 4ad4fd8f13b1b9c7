import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeText } from './code-text.js'

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-code-'))
  mkdirSync(join(folder, 'inner'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

test('the text of a file has all that it imports by relative paths, each once', () => {
  const folder = folderWith({
    'router.ts': [
      "import { a } from './a.js'",
      'import type {\n  B,\n} from "./b"',
      "import './inner'",
      "import { defineRouter } from '@routesim/algorithms'",
      "const late = await import('./late.mjs')",
      "export * from './nowhere.js'",
    ].join('\n'),
    'a.ts': "import './router.ts' // a",
    'b.ts': "export { c } from '../missing.js' // b",
    'inner/index.ts': "import data from '../data.json' // inner",
    'data.json': '{}',
    'late.mjs': '// late',
    'other.ts': '// other',
  })
  const parts = codeText(join(folder, 'router.ts')).split('\0')
  expect(parts.map((text) => text.split('//').at(-1)!.trim()).slice(1)).toEqual([
    'a',
    'b',
    'inner',
    '{}',
    'late',
  ])
})

test('a file that imports nothing of its own is its text', () => {
  const folder = folderWith({ 'router.ts': 'export default 1\n' })
  expect(codeText(join(folder, 'router.ts'))).toBe('export default 1\n')
  expect(() => codeText(join(folder, 'none.ts'))).toThrow(/ENOENT/)
})
