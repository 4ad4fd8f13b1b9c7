// The code blocks of README.md, packages/*/README.md, docs/ and examples/ work:
//   ts        is type-checked against the built packages; followed by a `text` block, it is run and
//             must print it
//   js        the same without types
//   sh        lines that call routesim are run with the built command, and must print the `text`
//             block that follows, if any
//   toml      with a [cluster] must be a valid config
// `file=NAME` after the language first writes the block to NAME, for the blocks that follow on the
// page; `no-run` leaves it alone; `live` allows servers, on other ports than the page says, with fewer
// requests: lines that end with & go on until the end of the page, and what is printed is not compared.
// UPDATE_DOCS=1 writes what is printed into the pages.
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseConfig } from '@routesim/experiments'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type DocBlock, docBlocks, outputOf } from '../testing/doc-page.js'
import { live, stopAll } from '../testing/live-process.js'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const e2e = join(root, 'packages/e2e')
const isUpdate = process.env['UPDATE_DOCS'] === '1'

function markdown(folder: string): string[] {
  return readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .map((path) => join(folder, path))
}

const pages = [
  'README.md',
  ...readdirSync(join(root, 'packages'))
    .filter((name) => name !== 'e2e')
    .map((name) => `packages/${name}/README.md`),
  ...markdown('docs'),
  'examples/README.md',
].map((name) => ({ name, path: join(root, name), blocks: docBlocks(join(root, name), name) }))

/** Where the examples are compiled: inside the package, so that they find what it depends on. */
let compiled: string
const sandboxes: string[] = []

beforeAll(() => {
  const cache = join(e2e, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  compiled = mkdtempSync(join(cache, 'docs-'))
  writeFileSync(join(compiled, 'package.json'), '{"type":"module"}')
  const code = pages.flatMap(({ blocks }) => blocks.filter(isCode))
  const files = code.map((block) => `${codeName(block)}.${block.language}`)
  code.forEach(({ text }, i) => {
    writeFileSync(join(compiled, files[i]!), text)
  })
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(e2e, 'node_modules/@types')],
  }
  writeFileSync(
    join(compiled, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  )
  const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', compiled], {
    encoding: 'utf8',
  })
  expect(status, stdout).toBe(0)
})

afterAll(() => {
  for (const folder of [compiled, ...sandboxes]) rmSync(folder, { recursive: true })
})

afterEach(stopAll)

function isCode({ language, isSkipped }: DocBlock): boolean {
  return !isSkipped && (language === 'ts' || language === 'js')
}

function codeName({ where }: DocBlock): string {
  return where.replaceAll(/[^\w]+/g, '-')
}

/** A working directory like a clone's, for one page. */
function sandbox(): string {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-docs-'))
  sandboxes.push(folder)
  for (const name of ['configs', 'traces', 'examples']) {
    symlinkSync(join(root, name), join(folder, name))
  }
  return folder
}

/** Runs node and returns what a terminal would show, without progress bars. */
function run(folder: string, where: string, args: readonly string[]): string {
  const screen = join(folder, '.screen')
  const handle = openSync(screen, 'w')
  const env = { ...process.env, NO_COLOR: '1', LC_ALL: 'en_US.UTF-8', FORCE_COLOR: undefined }
  const { status } = spawnSync(process.execPath, args, {
    cwd: folder,
    env,
    stdio: ['ignore', handle, handle],
  })
  closeSync(handle)
  const text = readFileSync(screen, 'utf8').replaceAll('\r\n', '\n')
  expect(status, `${where}\n${text}`).toBe(0)
  return text
    .split('\n')
    .filter((line) => !/^[█░]/.test(line))
    .join('\n')
}

const COMMAND = /^(?:npx @routesim\/cli|npm run -s routesim --|routesim|npm run(?= demo$)) (.+)$/

/** The command lines of a shell block that call routesim, as lists of arguments. */
function commands({ text }: DocBlock): string[][] {
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n')
  return lines.flatMap((line) => {
    const call = COMMAND.exec(line.replace(/\s+#.*$/, ''))
    return call === null ? [] : [call[1]!.split(/\s+/)]
  })
}

function perform(folder: string, block: DocBlock, isRun: boolean): string | undefined {
  if (block.isSkipped) return undefined
  if (block.file !== undefined) writeFileSync(join(folder, block.file), `${block.text}\n`)
  if (block.language === 'toml' && block.text.includes('[cluster]')) {
    parseConfig(block.text, block.where)
  }
  if (block.language === 'sh') {
    const bin = join(root, 'packages/cli/dist/bin.js')
    const calls = commands(block)
    if (calls.length === 0) return undefined
    return calls.map((args) => run(folder, block.where, [bin, ...args])).join('')
  }
  if (!isCode(block) || !isRun) return undefined
  return run(folder, block.where, [join(compiled, `${codeName(block)}.js`)])
}

/** Ports of the pages, moved to where nothing else listens and below those of clients, all by as many. */
const PORT = /\b(8\d{3}|5[56]\d\d)\b/g
const portOffset = 10_000 + 200 * (process.pid % 60)

/** Runs the lines of a block with servers. */
async function performLive(folder: string, block: DocBlock): Promise<void> {
  const bin = join(root, 'packages/cli/dist/bin.js')
  for (const words of commands(block)) {
    const defaults = words[0] === 'up' && !words.includes('--port')
    const all = defaults
      ? ['up', '--port', '8000', '--admin-port', '8001', ...words.slice(1)]
      : words
    const args = all.map((word) =>
      word.replaceAll(PORT, (port) => String(Number(port) + portOffset)),
    )
    if (words[0] === 'bench') args.push('--requests', '20')
    if (args.at(-1) === '&') await live(args.slice(0, -1), 1, folder)
    else run(folder, block.where, [bin, ...args])
  }
}

test.each(pages)('the code in $name works', async ({ path, blocks }) => {
  const folder = sandbox()
  const lines = readFileSync(path, 'utf8').split('\n')
  const printed = []
  for (const [i, block] of blocks.entries()) {
    if (block.isLive) {
      await performLive(folder, block)
      continue
    }
    const output = outputOf(path, blocks, i)
    const text = perform(folder, block, output !== undefined)
    printed.push({ where: block.where, output, text: text?.trim() })
  }
  for (const { where, output, text } of printed.reverse()) {
    if (output === undefined || text === undefined) continue
    if (isUpdate) lines.splice(output.from, output.to - output.from, ...text.split('\n'))
    else expect(text, `${where}: what it prints`).toBe(output.text)
  }
  if (isUpdate) writeFileSync(path, lines.join('\n'))
})
