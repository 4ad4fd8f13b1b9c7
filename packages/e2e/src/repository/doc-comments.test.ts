// Examples in doc comments that say what they give, as `expression // => value`, are run.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as algorithms from '@routesim/algorithms'
import * as core from '@routesim/core'
import * as experiments from '@routesim/experiments'
import * as hardware from '@routesim/hardware'
import * as metrics from '@routesim/metrics'
import * as traces from '@routesim/traces'
import { expect, test } from 'vitest'

const packages = fileURLToPath(new URL('../../../', import.meta.url))
const PACKAGES = { algorithms, core, experiments, hardware, metrics, traces }

/** The `@example` blocks of a source file that contain a `// =>`, without the comment's stars. */
function examples(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('@example')
    .slice(1)
    .map((rest) => rest.split(/^\s*\* @|\*\//m)[0]!.replaceAll(/^\s*\* ?/gm, ''))
    .filter((example) => example.includes('// =>'))
}

const cases = Object.entries(PACKAGES).flatMap(([name, exported]) => {
  const src = join(packages, name, 'src')
  return readdirSync(src, { encoding: 'utf8', recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) =>
      examples(join(src, file)).map((code) => ({ file: `${name}/${file}`, code, exported })),
    )
})

test.each(cases)('the example in $file gives what it says', ({ code, exported }) => {
  const before: string[] = []
  let checked = 0
  for (const line of code.trim().split('\n')) {
    const [expression, value] = line.split('// =>')
    if (value === undefined) before.push(line)
    else {
      const last = expression!.trim() === '' ? before.pop() : expression
      const body = `${before.join('\n')}\nreturn [${last}, ${value}]`
      const [found, told] = new Function(...Object.keys(exported), body)(...Object.values(exported))
      expect(found).toEqual(told)
      checked++
    }
  }
  expect(checked).toBeGreaterThan(0)
})
