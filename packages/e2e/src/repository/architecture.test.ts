import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const packages = fileURLToPath(new URL('../../../', import.meta.url))

/** What each package may import of ours. Nothing points back, so there are no cycles. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  hardware: ['core'],
  algorithms: ['core'],
  traces: ['core'],
  metrics: ['core'],
  experiments: ['core', 'hardware', 'algorithms', 'traces', 'metrics'],
  report: ['core', 'metrics'],
  live: ['core', 'hardware', 'algorithms', 'traces', 'metrics', 'experiments'],
  cli: ['core', 'algorithms', 'traces', 'metrics', 'experiments', 'live', 'report'],
}

function sources(name: string): { path: string; text: string }[] {
  const src = join(packages, name, 'src')
  return readdirSync(src, { encoding: 'utf8', recursive: true })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .filter((path) => !path.startsWith('testing/'))
    .map((path) => ({ path: `${name}/src/${path}`, text: readFileSync(join(src, path), 'utf8') }))
}

test.each(Object.entries(MAY_IMPORT))('%s imports only %j', (name, allowed) => {
  for (const { path, text } of sources(name)) {
    for (const [, imported] of text.matchAll(/from '@routesim\/([^']+)'/g)) {
      expect(allowed, `${path} imports @routesim/${imported}`).toContain(imported)
    }
  }
})

test('the packages without dependencies have none', () => {
  for (const name of ['core', 'hardware', 'algorithms', 'metrics']) {
    const manifest = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'))
    const foreign = Object.keys(manifest.dependencies ?? {}).filter((id) => id !== '@routesim/core')
    expect(foreign, name).toEqual([])
  }
})

test('time and randomness are passed in, and libraries do not print', () => {
  for (const name of ['core', 'hardware', 'algorithms', 'traces', 'metrics']) {
    for (const { path, text } of sources(name)) {
      expect(text, path).not.toMatch(/Math\.random\(|Date\.now\(|new Date\(\)|performance\.now\(/)
    }
  }
  for (const name of Object.keys(MAY_IMPORT).filter((id) => id !== 'cli')) {
    for (const { path, text } of sources(name)) {
      expect(text, path).not.toMatch(/^(?! \*).*(console\.\w+\(|process\.exit\()/m)
    }
  }
})

test('the kernel is small and knows nothing of LLMs', () => {
  const kernel = sources('core').filter(({ path }) => path.startsWith('core/src/kernel/'))
  const lines = kernel.reduce((sum, { text }) => sum + text.split('\n').length, 0)
  expect(kernel.length).toBeGreaterThan(2)
  expect(lines).toBeLessThan(600)
  for (const { path, text } of kernel)
    expect(text, path).not.toMatch(/token|prompt|prefill|backend/i)
})
