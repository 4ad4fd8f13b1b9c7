import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  // Those for clusters have no program of their own.
  .filter((name) => existsSync(join(root, 'examples', name, 'package.json')))

function node(cwd: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return stdout
}

test.each(examples)('examples/%s prints its output.txt', (name) => {
  const folder = join(root, 'examples', name)
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const printed = node(folder, scripts.start.replace('node ', ''))
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(join(folder, 'output.txt'), printed)
  expect(printed).toBe(readFileSync(join(folder, 'output.txt'), 'utf8'))
})

test('the router of examples/custom-router runs from the command line too', () => {
  const results = JSON.parse(
    node(
      root,
      'packages/cli/dist/bin.js',
      ...['compare', '-c', 'configs/default.toml', '-t', 'traces/chat_sessions.jsonl.gz'],
      ...['-A', 'round_robin,examples/custom-router/prefix-or-idle.ts:max_extra=2'],
      ...['--format', 'json'],
    ),
  )
  expect(results.map(({ algorithm }: { algorithm: string }) => algorithm)).toEqual([
    'round_robin',
    'prefix_or_idle:max_extra=2',
  ])
  expect(results[1].token_hit_rate).toBeGreaterThan(results[0].token_hit_rate)
})

const routers = readdirSync(join(root, 'examples/custom-router')).filter((name) =>
  name.endsWith('.ts'),
)

test('there are four routers of 10 to 40 lines, each with a command in the README', () => {
  const readme = readFileSync(join(root, 'examples/README.md'), 'utf8')
  expect(routers.length).toBe(4)
  for (const name of routers) {
    const lines = readFileSync(join(root, 'examples/custom-router', name), 'utf8').trimEnd()
    expect(lines.split('\n').length, name).toBeGreaterThanOrEqual(10)
    expect(lines.split('\n').length, name).toBeLessThanOrEqual(40)
    // The commands of the page are run by the tests of documentation.
    expect(readme).toMatch(new RegExp(`-a examples/custom-router/${name}`))
  }
})

test('the router of KV events knows what the events tell', () => {
  const [request] = JSON.parse(
    node(
      root,
      'packages/cli/dist/bin.js',
      ...['explain', '-c', 'configs/default.toml', '-t', 'traces/chat_sessions.jsonl.gz'],
      ...['-a', 'examples/custom-router/kv-events.ts:load_tokens=0', '--visibility', 'dynamo'],
      ...['--request', '1280', '--alternatives', '0', '--format', 'json'],
    ),
  )
  const [{ stages, backends }] = request.decisions
  const scores = stages[0].candidates.map(({ score }: { score: number }) => score)
  const believed = backends.map(
    ({ believed: { cached_tokens } }: { believed: { cached_tokens: number } }) => cached_tokens,
  )
  expect(scores).toEqual(believed)
  expect(Math.max(...scores)).toBeGreaterThan(3000)
})
