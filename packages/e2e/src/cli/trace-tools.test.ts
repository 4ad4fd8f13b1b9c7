import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fitErrors, fitWorkload, generateTrace, readTrace } from '@routesim/traces'
import { expect, test } from 'vitest'
import { ROOT, routesim } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

const TRACE = join(ROOT, '../shared/traces/mooncake/conversation_trace.jsonl.gz')
const isMissing = !existsSync(TRACE)
const skipped = isMissing ? ' (skipped: ../shared has no traces)' : ''

const folder = mkdtempSync(join(tmpdir(), 'routesim-trace-tools-'))
const small = join(folder, 'small.jsonl')
writeFileSync(
  small,
  Array.from({ length: 6 }, (_, i) =>
    JSON.stringify({
      ts: i * 1000,
      prompt_tokens: 100 * (i + 1),
      gen_tokens: 5,
      tenant: i % 2 === 0 ? 'secret-a' : 'secret-b',
    }),
  ).join('\n'),
)

async function rows(path: string): Promise<{ atMs: number; promptTokens: number }[]> {
  const { table } = await readTrace(path)
  return Array.from(table.arrivalMs, (atMs, row) => ({
    atMs,
    promptTokens: table.promptTokens[row]!,
  }))
}

/** Largest error of each statistic of the fit, over several seeds of the traffic made of it. */
const LIMITS: Readonly<Record<string, number>> = {
  requests: 0.03,
  rate: 0.08,
  'prompts, mean': 0.06,
  'prompts, median': 0.08,
  'prompts, p99': 0.08,
  'outputs, mean': 0.03,
  'outputs, median': 0.05,
  'outputs, p99': 0.05,
  'hit rate, mean of requests': 0.02,
  'hit rate, of tokens': 0.02,
  conversations: 0.06,
  'turns, mean': 0.03,
  'new tokens of a turn, mean': 0.12,
  'time between turns, mean': 0.05,
  'time between turns, median': 0.06,
}

test.skipIf(isMissing)(`what is fitted to the Mooncake trace is like it${skipped}`, async () => {
  const { table } = await readTrace(TRACE)
  const spec = fitWorkload(table)
  expect(spec.clients.length).toBeLessThan(12)
  for (const seed of [0, 1, 2]) {
    const errors = fitErrors(table, generateTrace({ ...spec, seed }))
    for (const { statistic, error } of errors) {
      const limit = LIMITS[statistic]
      if (limit !== undefined) expect(Math.abs(error), `${statistic}, ${seed}`).toBeLessThan(limit)
    }
    expect(errors.filter(({ statistic }) => statistic in LIMITS)).toHaveLength(15)
  }
})

test('trace fit writes a [workload] that names nobody, and that can be generated', async () => {
  const toml = join(folder, 'workload.toml')
  const { code, stdout, stderr } = await routesim(['trace', 'fit', small, '-o', toml])
  expect({ code, stderr }).toEqual({ code: 0, stderr: `Wrote [workload] to ${toml}\n` })
  expect(stdout).toMatch(/requests +requests +6 +\d/)
  const text = readFileSync(toml, 'utf8')
  expect(text).not.toContain('secret')
  const config = join(folder, 'config.toml')
  writeFileSync(config, `[cluster]\nnum_backends = 2\n\n${text}`)
  const made = await routesim(['gen-trace', '-c', config, '-o', join(folder, 'like.jsonl')])
  expect(made.code).toBe(0)
  // To standard output, the table goes to the other one.
  const piped = await routesim(['trace', 'fit', '-'], { input: readFileSync(small) })
  expect(piped.stdout).toBe(text)
  expect(piped.stderr).toContain('prompts, p99')
})

test('trace fit and synthesize say what of the trace they leave out', async () => {
  const labelled = join(folder, 'labelled.jsonl')
  const lines = Array.from({ length: 40 }, (_, i) => ({
    ...{ ts: i * 100, prompt_tokens: 100, gen_tokens: 5, max_tokens: 50, deadline_ms: 900 + i },
    ...(i % 2 === 0 && { tenant: 'a', lora_adapter: 'l' }),
  }))
  writeFileSync(labelled, lines.map((line) => JSON.stringify(line)).join('\n'))
  const toml = join(folder, 'labelled.toml')
  const fit = await routesim(['trace', 'fit', labelled, '-o', toml])
  expect(fit.code).toBe(0)
  expect(fit.stderr).toContain(
    'note: the [workload] leaves out: declared output limits, deadlines\n',
  )
  expect(readFileSync(toml, 'utf8')).toMatch(/tenants\]\ncount = 1\nshare = 0\.5\n/)
  const made = await routesim(['synthesize', '-i', labelled, '-o', join(folder, 'made.jsonl')])
  expect(made.code).toBe(0)
  expect(made.stderr).toContain(
    'note: new requests do not have: declared output limits, tenant, adapter, deadlines\n',
  )
})

test('trace edit cuts, filters, stretches and repeats', async () => {
  const path = join(folder, 'edited.jsonl')
  const edit = (...args: string[]) => routesim(['trace', 'edit', small, '-o', path, ...args])
  const edited = await edit('--time-window', '1:5', '--filter', 'tenant=secret-b', '--head', '2')
  expect(edited).toMatchObject({ code: 0, stderr: `Wrote 2 requests to ${path}\n` })
  expect(await rows(path)).toEqual([
    { atMs: 0, promptTokens: 200 },
    { atMs: 2000, promptTokens: 400 },
  ])
  const both = ['--filter', 'prompt_tokens>=500', '--filter', 'tenant!=secret-b']
  await edit(...both, '--scale-time', '0.5', '--repeat', '2', '--repeat-gap', '3')
  expect(await rows(path)).toEqual([
    { atMs: 2000, promptTokens: 500 },
    { atMs: 5000, promptTokens: 500 },
  ])
})

test('trace merge joins by time of arrival', async () => {
  const path = join(folder, 'merged.jsonl')
  const { code, stderr } = await routesim(['trace', 'merge', small, small, '-o', path])
  expect({ code, stderr }).toEqual({ code: 0, stderr: `Wrote 12 requests to ${path}\n` })
  expect((await rows(path)).map(({ atMs }) => atMs / 1000)).toEqual([
    0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5,
  ])
})

test('trace edit and merge keep the names of prefixes', async () => {
  const named = join(folder, 'named.jsonl')
  const path = join(folder, 'named-again.jsonl')
  const line = { prompt_tokens: 100, gen_tokens: 1, prefix_len: 50 }
  const lines = ['system-A', 'system-B', 'system-B'].map((prefix_hash, ts) =>
    JSON.stringify({ ts, ...line, prefix_hash }),
  )
  writeFileSync(named, lines.join('\n'))
  const names = () => readFileSync(path, 'utf8').match(/system[^"]*/g)
  await routesim(['trace', 'edit', named, '-o', path, '--time-window', '0.001:1', '--repeat', '2'])
  expect(names()).toEqual(['system-B', 'system-B', 'system-B', 'system-B'])
  await routesim(['trace', 'merge', named, named, '-o', path])
  expect(names()).toEqual([
    ...['system-A', 'system-A (2)', 'system-B'],
    ...['system-B (2)', 'system-B', 'system-B (2)'],
  ])
})

test.each([
  ['stats', [], 'note: 1 span'],
  ['fit', ['-o', join(folder, 'spans.toml')], 'note: 1 span'],
  ['edit', ['-o', join(folder, 'spans.jsonl')], 'note: 1 span'],
  [
    'merge',
    [small, '-o', join(folder, 'spans.jsonl')],
    `note: ${join(folder, 'spans.json')}: 1 span`,
  ],
])('trace %s tells of spans that are no requests', async (command, args, note) => {
  const path = join(folder, 'spans.json')
  const usage = { 'gen_ai.usage.input_tokens': 10, 'gen_ai.usage.output_tokens': 4 }
  const attributes = Object.entries(usage).map(([key, intValue]) => ({ key, value: { intValue } }))
  const request = { name: 'chat', startTimeUnixNano: '1', attributes }
  const spans = [request, request, { name: 'db', attributes: [] }]
  writeFileSync(path, JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }))
  const { code, stderr } = await routesim(['trace', command, path, ...args])
  expect(code).toBe(0)
  expect(stderr).toContain(`${note} is no LLM request\n`)
})

test.each([
  [['edit', small, '-o', '-', '--head', '0'], '--head: expected an integer >= 1, got 0'],
  [['edit', small, '-o', '-', '--scale-time', '0'], '--scale-time: expected a number from 1e-9'],
  [['edit', small, '-o', '-', '--filter', 'colour=red'], '--filter: expected NAME=VALUE of'],
  [['edit', small, '-o', '-', '--time-window', '5:1'], '--time-window: expected an end after'],
  [['merge', small, '-o', '-'], 'trace merge: expected two traces or more, got 1'],
  [['fit', small, '--seed', '-1'], '--seed: expected an integer >= 0, got -1'],
  [['fit', small, '--block-size', '0'], '--block-size: expected an integer >= 1, got 0'],
])('trace %j is refused', async (args, message) => {
  const { code, stdout, stderr } = await routesim(['trace', ...args])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(message)
})

test('trace fit says before it works that it could not write', async () => {
  const { code, stderr } = await routesim(['trace', 'fit', small, '-o', join(folder, 'no/x.toml')])
  expect(code).toBe(1)
  expect(stderr).not.toContain('unexpected')
})

const ids = (last: number): number[] => [...Array.from({ length: 32 }, (_, i) => i), last]
const OWN_BLOCKS = {
  'bailian.jsonl': [7, 8].map((id) => ({
    ...{ chat_id: id, parent_chat_id: -1, timestamp: id, input_length: 33, output_length: 2 },
    hash_ids: [1, 2, id],
  })),
  'llmservingsim.jsonl': [7, 8].map((id) => ({
    ...{ input_toks: 33, output_toks: 2, arrival_time_ns: id, input_tok_ids: ids(id) },
  })),
}
for (const [name, lines] of Object.entries(OWN_BLOCKS)) {
  writeFileSync(join(folder, name), lines.map((line) => JSON.stringify(line)).join('\n'))
}

test.each(Object.keys(OWN_BLOCKS))('%s is counted in its own blocks of 16 tokens', async (name) => {
  const path = join(folder, name)
  const stats = await inProcess(['trace', 'stats', path, '--format', 'json'])
  // Two blocks of the second prompt are those of the first; the third of each has a token.
  expect(JSON.parse(stats.stdout)).toMatchObject({ blockTokens: 16, blockHitRate: 2 / 6 })
  const made = join(folder, `made-${name}`)
  const bench = ['bench', 'trace', '-t', path, '--num-requests', '4', '-o', made]
  expect((await inProcess(bench)).code).toBe(0)
})
