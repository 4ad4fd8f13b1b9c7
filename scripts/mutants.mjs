// How strong the tests of the fast engines are: plants faults, one at a time, in a copy of the sources and
// expects the tests to fail. `node scripts/mutants.mjs [NAME...]`; takes some minutes, so CI does not run it.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MUTANTS } from './mutant-list.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
/** What finds most faults soonest comes first. */
const TESTS = [
  ['e2e', 'packages/e2e/src/engine/native-agrees.test.ts', '-t', 'in 1500 runs: stress'],
  ['e2e', 'packages/e2e/src/engine/pairs-agree.test.ts', '-t', 'whatever comes together: exact'],
  [
    'e2e',
    ...[
      'within-instant',
      'backend-life',
      'hand-over',
      'kv-transfer',
      'follow-ups',
      'polling',
      'data-parallel',
      'local-policies',
    ].map((name) => `packages/e2e/src/engine/${name}.test.ts`),
  ],
  [
    'unit',
    'packages/hardware/src/kv-cache',
    ...['backend', 'kernel', 'requests', 'engine'].map((name) => `packages/core/src/${name}`),
  ],
  ['e2e', 'packages/e2e/src/engine/native-agrees.test.ts', '-t', 'in 1500 runs'],
  ['e2e', 'packages/e2e/src/engine/steppers-agree.test.ts'],
  [
    'e2e',
    'packages/e2e/src/engine/streamed-requests.test.ts',
    '-t',
    'make no difference|not taken for',
  ],
]

const copy = mkdtempSync(join(tmpdir(), 'routesim-mutants-'))
const copied = (path) => !/\/(dist|\.turbo|etc)$/.test(path)
/** Where compiled sources of the native engine stand. */
const compiled = join(copy, 'packages/core/src/native/engine-bytes.ts')
let count = 0
let survivors = 0
try {
  cpSync(join(root, 'packages'), join(copy, 'packages'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: copied,
  })
  cpSync(join(root, 'scripts'), join(copy, 'scripts'), { recursive: true })
  for (const file of ['package.json', 'vitest.config.ts', 'tsconfig.base.json'])
    cpSync(join(root, file), join(copy, file))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const vitest = join(root, 'node_modules', '.bin', 'vitest')
  // Threads, so that an endless loop ends with the process that is killed for it.
  const failed = ([project, ...files]) =>
    spawnSync(vitest, ['run', '--project', project, '--bail', '1', '--pool=threads', ...files], {
      cwd: copy,
      stdio: 'ignore',
      timeout: 180_000,
      killSignal: 'SIGKILL',
    }).status !== 0

  const compile = () => {
    const { status, stderr } = spawnSync('node', ['scripts/native.mjs'], { cwd: copy })
    if (status !== 0) throw new Error(`the native engine does not compile: ${stderr}`)
  }
  if (TESTS.some(failed)) throw new Error('the tests fail without a mutant')
  const wanted = process.argv.slice(2)
  for (const [name, file, there, planted] of MUTANTS) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue
    const path = join(copy, 'packages', file)
    const source = readFileSync(path, 'utf8')
    if (source.split(there).length !== 2)
      throw new Error(`${name}: expected the text to replace once in ${file}: ${there}`)
    writeFileSync(
      path,
      source.replace(there, () => planted),
    )
    const bytes = readFileSync(compiled)
    if (file.includes('/assembly/')) compile()
    const isCaught = TESTS.some(failed)
    writeFileSync(path, source)
    writeFileSync(compiled, bytes)
    count++
    if (!isCaught) survivors++
    console.log(`${isCaught ? 'caught  ' : 'SURVIVED'}  ${name}`)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
console.log(`${count} planted, ${count - survivors} caught`)
if (survivors > 0) process.exitCode = 1
