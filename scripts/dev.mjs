// The front door: `npm run demo`, `npm test` and `npm run check` work on a fresh clone with only
// Node >= 20.19 and npm. Built-in modules only: it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const env = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  DO_NOT_TRACK: '1',
  npm_config_update_notifier: 'false',
  PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH,
}

function status(command, args, stdio = 'inherit') {
  const shell = process.platform === 'win32'
  return spawnSync(command, args, { cwd: root, env, stdio, shell }).status ?? 1
}

function sh(command, ...args) {
  const code = status(command, args)
  if (code !== 0) process.exit(code)
}

/** Builds what has changed; says so on standard error, since standard output is for results. */
function build() {
  const args = ['run', 'build', '--output-logs=errors-only', '--log-order=grouped']
  const code = status('turbo', args, ['ignore', 2, 2])
  if (code !== 0) process.exit(code)
}

function install() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`RouteSim needs Node >= 20.19, found ${process.versions.node}.`)
    process.exit(1)
  }
  const installed = join(root, 'node_modules', '.modules.yaml')
  const lockfile = join(root, 'pnpm-lock.yaml')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return
  console.error('Installing (once)...')
  sh('npx', '--yes', packageManager, 'install', '--frozen-lockfile', '--loglevel=error')
}

const tasks = {
  install() {},
  build,
  routesim(...args) {
    const bin = join(root, 'packages/cli/dist/bin.js')
    if (!existsSync(bin)) build()
    sh('node', bin, ...args)
  },
  demo(...args) {
    build()
    tasks.routesim('demo', ...args)
  },
  test(...args) {
    build()
    const report = join(mkdtempSync(join(tmpdir(), 'routesim-test-')), 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    env.ROUTESIM_TEST_BUILDS = '1'
    const code = status('vitest', ['run', ...reporters, ...args])
    const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    )
    rmSync(dirname(report), { recursive: true })
    for (const { fullName, status } of testResults.flatMap((file) => file.assertionResults)) {
      if (status === 'skipped') console.log(`skipped: ${fullName}`)
    }
    if (numPendingTests > 0) console.log(`${numPendingTests} skipped, as named above`)
    console.log(`${numPassedTests} passed, ${numFailedTests} failed`)
    process.exit(code)
  },
  bench(...args) {
    tasks.build()
    sh('node', 'bench/run.mjs', ...args)
  },
  lint() {
    sh('biome', 'check', '--error-on-warnings')
    sh('knip')
  },
  format() {
    sh('biome', 'check', '--write')
  },
  docs() {
    build()
    sh('node', 'scripts/make-reference.mjs')
    env.UPDATE_DOCS = '1'
    sh('vitest', 'run', '--project', 'e2e', 'doc-blocks', 'repository/examples')
  },
  native() {
    sh('node', 'scripts/native.mjs')
  },
  api() {
    build()
    sh('node', 'scripts/api-reports.mjs')
  },
  check() {
    tasks.lint()
    sh('turbo', 'run', 'typecheck', '--output-logs=errors-only')
    sh('node', 'scripts/native.mjs', '--check')
    build()
    sh('node', 'scripts/api-reports.mjs', '--check')
    sh('node', 'scripts/pack-smoke.mjs')
    sh('npm', 'test')
  },
}

const [name, ...args] = process.argv.slice(2)
install()
tasks[name](...args)
