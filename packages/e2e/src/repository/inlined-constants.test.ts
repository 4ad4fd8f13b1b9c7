import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Numbers that a bundle declares by a name in capitals and uses beside its exports. */
function variablesFor(bundle: string): string[] {
  const code = bundle.slice(0, bundle.lastIndexOf('\nexport {')).replaceAll(/\{@link.*?\}/g, '')
  const declared = code.matchAll(/(?:^var|,)\s([A-Z][A-Z0-9_]*) = -?\d[\d.e*+ -]*(?=[,;])/gm)
  return Array.from(declared, ([, name]) => name!).filter(
    (name) => code.match(new RegExp(`\\b${name}\\b`, 'g'))!.length > 1,
  )
}

test('sees a constant that was left a variable', () => {
  const bundle =
    'var KEPT = 1, INTS = 32, FleetState = class {\n  at = INTS\n};\nexport {\n  KEPT\n};'
  expect(variablesFor(bundle)).toEqual(['INTS'])
})

test.each(['core', 'hardware', 'algorithms', 'traces', 'metrics'])(
  'numbers stand where %s uses constants',
  (name) => {
    const url = new URL(`../../../${name}/dist/index.js`, import.meta.url)
    expect(variablesFor(readFileSync(url, 'utf8'))).toEqual([])
  },
)
