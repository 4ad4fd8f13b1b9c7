// A generated project works as it is: its packages are those of this workspace, by links.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { BIN, command, directoryWith, ROOT, routesim } from '../testing/command.js'

const at = directoryWith({
  'a-file': 'x',
  // As of the repository in whose folder somebody tries it: not one for this project.
  'vitest.config.ts': "export default { test: { include: ['packages/**/*.test.ts'] } }",
})
const project = at('warm-first')

/** What the installation would do, offline. */
function link(name: string, target: string): void {
  const place = join(project, 'node_modules', name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(ROOT, target), place)
}

const script = (name: string): string[] => {
  const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
  return scripts[name].split(' ')
}

const ofRoot = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))

let printed: Awaited<ReturnType<typeof routesim>>
beforeAll(async () => {
  printed = await routesim(['new', 'router', 'warm-first'], { cwd: at('.') })
  for (const name of ['algorithms', 'core', 'experiments', 'cli']) {
    link(`@routesim/${name}`, `packages/${name}`)
  }
  for (const name of ['vitest', 'typescript', '@types/node']) link(name, `node_modules/${name}`)
})

test('it says what it wrote and what to do next', () => {
  expect(printed.code).toBe(0)
  // The packages of a clone are in no registry.
  const install = `npx --yes ${ofRoot('package.json').packageManager} install --ignore-workspace`
  expect(printed.stdout).toBe(`cd warm-first\n${install}\nnpm run compare\nnpm test\n`)
  expect(printed.stderr).toContain('Wrote 8 files to warm-first')
  expect(readdirSync(project).sort()).toEqual([
    ...['README.md', 'node_modules', 'package.json', 'scenario.toml', 'src', 'trace.jsonl'],
    ...['tsconfig.json', 'vitest.config.ts'],
  ])
  expect(readdirSync(join(project, 'src')).sort()).toEqual(['warm-first.test.ts', 'warm-first.ts'])
  const readme = readFileSync(join(project, 'README.md'), 'utf8')
  expect(readme.trimEnd().split('\n').length).toBe(5)
})

test('it asks for the versions that this repository uses, and in a clone for the packages of it', () => {
  const { devDependencies, dependencies } = JSON.parse(
    readFileSync(join(project, 'package.json'), 'utf8'),
  )
  const catalog = readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8')
  for (const name of ['typescript', 'vitest', '@types/node']) {
    expect(catalog).toMatch(new RegExp(`"?${name}"?: ${devDependencies[name]}\n`))
  }
  const own = { ...dependencies, ...devDependencies }
  for (const name of ['algorithms', 'core', 'experiments', 'cli']) {
    const [, path] = /^link:(.+)$/.exec(own[`@routesim/${name}`])!
    expect(ofRoot(relative(ROOT, join(project, path!, 'package.json')))).toMatchObject({
      name: `@routesim/${name}`,
    })
  }
})

test('it type-checks, and a mistake in it shows', async () => {
  const tsc = () => command(join(ROOT, 'node_modules/.bin/tsc'), ['--noEmit'], { cwd: project })
  expect(await tsc()).toMatchObject({ code: 0, stdout: '' })
  const file = join(project, 'src/warm-first.ts')
  const source = readFileSync(file, 'utf8')
  writeFileSync(file, source.replace('backend.outstanding', 'backend.outstandin'))
  expect(await tsc()).toMatchObject({ code: 1 })
  writeFileSync(file, source)
})

test('its tests pass, and fail when the router is worse', async () => {
  const env = { VITEST: undefined, NODE_ENV: undefined, VITEST_POOL_ID: undefined } as never
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const run = () =>
    command(process.execPath, [vitest, 'run', '--reporter=json'], { cwd: project, env })
  const { code, stdout, stderr } = await run()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ numPassedTests: 4, numTotalTests: 4 })
  const file = join(project, 'src/warm-first.ts')
  const source = readFileSync(file, 'utf8')
  writeFileSync(file, source.replace('(cached[backend.id] ?? 0)', '-(cached[backend.id] ?? 0)'))
  expect(JSON.parse((await run()).stdout)).toMatchObject({ numFailedTests: 2 })
  writeFileSync(file, source)
})

test('its scripts run', async () => {
  for (const name of ['compare', 'explain']) {
    const [program, ...args] = script(name)
    expect(program).toBe('routesim')
    const { code, stdout } = await command(process.execPath, [BIN, ...args], { cwd: project })
    expect(code).toBe(0)
    expect(stdout).toContain('warm_first')
  }
})

describe('nothing is overwritten, and names are checked', () => {
  test.each([
    ['warm-first', 1, 'warm-first: expected no such folder, or an empty one'],
    ['a-file', 1, 'a-file: can not be written'],
    ['Warm', 2, 'expected lower case letters and digits'],
    ['../x', 2, 'expected lower case letters and digits'],
    ['-x', 2, ''],
    ['x--y', 2, 'expected lower case letters and digits'],
    ['least-kv', 2, 'least_kv is a built-in algorithm'],
    ['x'.repeat(61), 2, 'expected at most 60 characters, got 61'],
  ])('%s', async (name, expected, complaint) => {
    const before = readdirSync(at('.'))
    const { code, stdout, stderr } = await routesim(['new', 'router', name], { cwd: at('.') })
    expect(stderr).toContain(complaint)
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
    expect(readdirSync(at('.'))).toEqual(before)
  })

  test.each([[['new']], [['new', 'router']], [['new', 'backend', 'x']]])('%j', async (args) => {
    const { code, stdout, stderr } = await routesim(args, { cwd: at('.') })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^error: (.+\n)+See routesim new --help\n$/)
  })

  test('an empty folder will do', async () => {
    mkdirSync(at('empty'))
    const { code } = await routesim(['new', 'router', 'mine', '-d', 'empty'], { cwd: at('.') })
    expect(code).toBe(0)
    expect(readdirSync(join(at('empty'), 'src'))).toEqual(['mine.test.ts', 'mine.ts'])
  })
})
