// Planting all mutants takes too long for every check; that each can be planted is told at once.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../testing/command.js'

type Mutant = readonly [name: string, file: string, there: string, planted: string]

const { MUTANTS } = (await import(join(ROOT, 'scripts/mutant-list.mjs'))) as {
  readonly MUTANTS: readonly Mutant[]
}
const page = readFileSync(join(ROOT, 'docs/explanation/performance.md'), 'utf8')

test.each(MUTANTS)('a mutant can be planted: %s', (_, file, there, planted) => {
  const source = readFileSync(join(ROOT, 'packages', file), 'utf8')
  expect(source.split(there).length - 1, `in ${file}: ${there}`).toBe(1)
  expect(planted).not.toBe(there)
})

test('the page on performance tells how many there are', () => {
  expect(page).toContain(`plants ${MUTANTS.length} faults`)
})
