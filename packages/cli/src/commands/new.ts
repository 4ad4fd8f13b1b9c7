import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { builtinRouters } from '@routesim/algorithms'
import { RouteSimError } from '@routesim/core'
import { generateTrace, writeTrace } from '@routesim/traces'
import { checkout } from '../checkout.js'
import type { CommandBody } from '../command-body.js'
import { outputFailed } from '../output/write-results.js'
import { type RouterProject, routerProject } from '../scaffold/router-project.js'
import { UsageError } from '../usage-error.js'
import { packageVersion } from '../version.js'

interface NewArguments {
  kind: 'router'
  name: string
  directory: string | undefined
}

const MOST_CHARACTERS = 60

/** `routesim new router NAME`: a project with one router, its test and traffic for it. */
export const newCommand: CommandBody<NewArguments> = {
  builder: (yargs) =>
    yargs
      .positional('kind', { choices: ['router'] as const, demandOption: true, describe: 'Of what' })
      .positional('name', {
        type: 'string',
        demandOption: true,
        describe: 'Name of the router, such as my-router',
      })
      .option('directory', {
        alias: 'd',
        type: 'string',
        requiresArg: true,
        describe: 'Where to write it; a folder of its name by default',
      })
      .example('$0 new router my-router', '') as never,
  handler: async ({ name, directory = name }) => {
    checkName(name)
    await checkEmpty(directory)
    const own = ownPackages(directory)
    const files = routerProject({ name, ...own })
    for (const [path, text] of Object.entries(files)) {
      await writeNew(join(directory, path), text)
    }
    // Conversations behind a few system prompts: traffic on which routers differ.
    const trace = generateTrace({
      ...{ seed: 42, rateRps: 2.5, durationSec: 60, numPrefixes: 5, turnsMean: 4 },
      ...{ promptTokensMean: 600, genTokensMean: 150 },
    })
    await writeTrace(join(directory, 'trace.jsonl'), trace, 'compact_jsonl')
    const where = relative('.', directory) || '.'
    console.error(`Wrote ${Object.keys(files).length + 1} files to ${where}. Next:`)
    process.stdout.write(`cd ${where}\n${own.install}\nnpm run compare\nnpm test\n`)
  },
}

/** The packages of RouteSim that a project in a folder uses: in a clone, which has what no registry has, its own. */
function ownPackages(directory: string): Pick<RouterProject, 'versionOf' | 'install'> {
  const clone = checkout()
  if (clone === undefined) {
    return { versionOf: () => `^${packageVersion()}`, install: 'npm install' }
  }
  const root = relative(directory, clone.root).replaceAll('\\', '/')
  return {
    versionOf: (name) => `link:${root}/packages/${name}`,
    // npm can not follow the links that the packages of a clone have to each other.
    install: `npx --yes ${clone.packageManager} install --ignore-workspace`,
  }
}

/** @throws UsageError */
function checkName(name: string): void {
  if (name.length > MOST_CHARACTERS) {
    throw new UsageError(
      `name: expected at most ${MOST_CHARACTERS} characters, got ${name.length}, beginning with ${JSON.stringify(name.slice(0, 20))}`,
    )
  }
  if (!/^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/.test(name)) {
    throw new UsageError(
      `name: expected lower case letters and digits, in words joined by - or _, beginning with a letter, got ${JSON.stringify(name)}`,
    )
  }
  const router = name.replaceAll('-', '_')
  if (builtinRouters.some((each) => each.name === router)) {
    throw new UsageError(`name: ${router} is a built-in algorithm, which yours would hide`)
  }
}

/** @throws RouteSimError `output_failed` when there is something where the project would go */
async function checkEmpty(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    throw outputFailed(directory, cause)
  })
  if (entries.length === 0) return
  throw new RouteSimError(`${directory}: expected no such folder, or an empty one`, {
    code: 'output_failed',
    path: directory,
    hint: 'Nothing was written. Choose another name, or another folder with --directory.',
  })
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text, { flag: 'wx' })
  } catch (cause) {
    throw outputFailed(path, cause)
  }
}
