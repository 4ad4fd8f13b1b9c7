// Packs every publishable package and uses the tarballs in an empty directory, as a stranger would:
// each package alone by import, and the command by `npx --no-install routesim`.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const env = {
  ...process.env,
  PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH,
  npm_config_audit: 'false',
  npm_config_fund: 'false',
}
const out = (cwd, command, ...args) =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const manifest = (name) =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
const names = readdirSync(join(root, 'packages')).filter((name) => !manifest(name).private)

/** The package and all of ours that it needs. */
function closure(name) {
  const needed = Object.keys(manifest(name).dependencies ?? {}).filter((id) =>
    id.startsWith('@routesim/'),
  )
  return new Set([name, ...needed.flatMap((id) => [...closure(id.slice('@routesim/'.length))])])
}

/** npm and pnpm have rules of their own on licences and readmes, whatever `files` says. */
function checkContents(tarball) {
  const files = out(root, 'tar', '-tzf', tarball).trim().split('\n')
  if (!files.includes('package/LICENSE')) throw new Error(`${tarball} has no LICENSE`)
  const test = files.find((file) => /\.test\.ts$|\/src\/testing\//.test(file))
  if (test !== undefined) throw new Error(`${tarball} has ${test}`)
}

const temporary = mkdtempSync(join(tmpdir(), 'routesim-pack-'))
try {
  const tarball = Object.fromEntries(
    names.map((name) => {
      out(join(root, 'packages', name), 'pnpm', 'pack', '--pack-destination', temporary)
      const file = readdirSync(temporary).find((entry) => entry.startsWith(`routesim-${name}-`))
      return [name, join(temporary, file)]
    }),
  )
  for (const file of Object.values(tarball)) {
    checkContents(file)
    out(root, 'publint', file, '--strict')
  }

  // All dependencies come once from the registry; then each package sees only what it may.
  const all = mkdtempSync(join(temporary, 'all-'))
  writeFileSync(join(all, 'package.json'), '{"private":true,"type":"module"}')
  out(all, 'npm', 'install', '--ignore-scripts', '--no-package-lock', ...Object.values(tarball))
  const installed = join(all, 'node_modules', '@routesim')
  const aside = mkdtempSync(join(temporary, 'aside-'))
  for (const name of names) {
    const mayUse = closure(name)
    const others = names.filter((other) => !mayUse.has(other))
    for (const other of others) renameSync(join(installed, other), join(aside, other))
    const code = `import * as it from '@routesim/${name}'; process.stdout.write(Object.keys(it).join(' '))`
    const exported = out(all, 'node', '--input-type=module', '-e', code)
    for (const other of others) renameSync(join(aside, other), join(installed, other))
    if (exported === '') throw new Error(`@routesim/${name} exports nothing`)
    console.log(
      `@routesim/${name} alone (with ${mayUse.size - 1} of ours): ${exported.split(' ').length} exports`,
    )
  }

  for (const file of ['configs', 'traces'])
    cpSync(join(root, file), join(all, file), { recursive: true })
  const trace = readdirSync(join(all, 'traces')).find((file) => file.endsWith('.gz'))
  const compare = (jobs) =>
    out(
      all,
      ...['npx', '--no-install', 'routesim', 'compare', '-c', 'configs/default.toml'],
      ...['-t', `traces/${trace}`, '-A', 'round_robin,prefix_aware,session_affinity'],
      ...['--jobs', jobs, '--format', 'json'],
    )
  const compared = compare('1')
  if (compare('2') !== compared) throw new Error('worker threads give other results')
  const algorithms = JSON.parse(compared).map((result) => result.algorithm)
  if (algorithms.join() !== 'round_robin,prefix_aware,session_affinity') {
    throw new Error(`unexpected results of routesim compare: ${compared.slice(0, 500)}`)
  }
  console.log(
    `${names.length} tarballs pass publint, and routesim compare runs from them, on worker threads too`,
  )
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
