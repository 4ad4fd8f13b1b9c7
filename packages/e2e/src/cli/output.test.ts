import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BIN, command, directoryWith, routesim } from '../testing/command.js'

const at = directoryWith({
  'c.toml':
    '[simulation]\nwarmup_requests = 5\n[cluster]\nnum_backends = 2\n[trace]\nrate = 10\nduration_sec = 10\ngen_tokens_mean = 30',
  'long.toml':
    '[cluster]\nnum_backends = 8\n[trace]\nrate = 100\nduration_sec = 20\ngen_tokens_mean = 50',
  'backend.toml': '[cluster]\nnum_backends = 1\nmodel = "llama-3.1-8b"\n',
  'measured.csv': [
    'sent_s,input_tokens,output_tokens,ttft_s,e2e_s',
    ...Array.from({ length: 30 }, (_, i) => `${i},${400 + 10 * i},64,0.0${30 + i},0.${640 + i}`),
  ].join('\n'),
  'trace.jsonl': Array.from(
    { length: 30 },
    (_, i) => `{"ts":${i * 10.5},"prompt_tokens":100,"gen_tokens":5}`,
  ).join('\n'),
})
const compare = ['compare', '-c', at('c.toml'), '-A', 'round_robin,random']
const ANSI = String.fromCharCode(27)

test('--format json prints one document and nothing else', async () => {
  const { code, stdout, stderr } = await routesim([...compare, '--format', 'json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout).map(({ algorithm }: never) => algorithm)).toEqual([
    'round_robin',
    'random',
  ])
})

test('--format csv prints a header and a line per algorithm, of equal width', async () => {
  const { stdout } = await routesim([...compare, '--format', 'csv'])
  const lines = stdout.trimEnd().split(/\r?\n/)
  expect(lines).toHaveLength(3)
  const [header, ...rows] = lines.map((line) => line.split(','))
  expect(header).toEqual(expect.arrayContaining(['algorithm', 'ttft.p50', 'requests_per_sec']))
  for (const row of rows) expect(row).toHaveLength(header!.length)
})

test('--format md prints a table without marks of the terminal', async () => {
  const args = [...compare, '--format', 'md']
  const { stdout } = await routesim(args, { env: { FORCE_COLOR: '1' } })
  expect(stdout).not.toContain(ANSI)
  const rows = stdout.split('\n').filter((line) => line.startsWith('|'))
  expect(rows).toHaveLength(4)
  expect(new Set(rows.map((row) => row.split('|').length)).size).toBe(1)
})

test('-o writes what the ending of the file says, and the table is still printed', async () => {
  for (const [name, start] of [
    ['r.json', '['],
    ['r.csv', 'algorithm,'],
    ['r.md', '105 requests'],
    ['r.out', '['],
  ] as const) {
    const { code, stdout, stderr } = await routesim([...compare, '-o', at(name)])
    expect(code).toBe(0)
    expect(stderr).toBe(`Wrote ${at(name)}\n`)
    expect(stdout).toContain('TTFT p50')
    const text = readFileSync(at(name), 'utf8')
    expect(text.replace(/^\d+/, '105').startsWith(start), name).toBe(true)
  }
})

test('-o - prints, and makes no file called -', async () => {
  const { stdout } = await routesim([...compare, '--format', 'json', '-o', '-'], { cwd: at('.') })
  expect(JSON.parse(stdout)).toHaveLength(2)
  expect(existsSync(at('-'))).toBe(false)
})

test('pipes have no colours, even where CI is set; FORCE_COLOR has, NO_COLOR wins', async () => {
  const [pipe, forced, none] = await Promise.all([
    routesim(compare, { env: { CI: '1' } }),
    routesim(compare, { env: { FORCE_COLOR: '1' } }),
    routesim(compare, { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }),
  ])
  expect(pipe.stdout).not.toContain(ANSI)
  expect(forced.stdout).toContain(ANSI)
  expect(none.stdout).toBe(pipe.stdout)
})

const hasScript = process.platform === 'linux' && existsSync('/usr/bin/script')

test.skipIf(!hasScript).each([
  [compare.join(' '), 70, /^Algorithm .* Req\/s/],
  [compare.join(' '), 40, /^Algorithm .* TTFT p99/],
  [`run -c ${at('c.toml')}`, 40, /^ms .* p99/],
  [`explain -c ${at('c.toml')}`, 40, /^backend .* TTFT +E2E$/],
  [`trace stats ${at('trace.jsonl')}`, 40, / mean +median/],
  ['list-models', 40, /^model +params/],
  ['trace pull', 60, /^Name +Size +Here$/],
  [`trace fit ${at('trace.jsonl')} -o ${at('fit.toml')} 2>/dev/null`, 40, /^Statistic .*Error$/],
  [
    `calibrate ${at('measured.csv')} -c ${at('backend.toml')} -o ${at('profile.toml')} 2>/dev/null`,
    60,
    /^parameter +fitted$/,
  ],
])(
  '%s in a terminal of %i columns breaks no line (needs script)',
  async (words, columns, titles) => {
    const line = `stty cols ${columns}; NO_COLOR=1 exec "${process.execPath}" "${BIN}" ${words}`
    const { code, stdout } = await command('script', ['-qec', line, '/dev/null'])
    expect(code).toBe(0)
    const lines = stdout.split('\r\n')
    expect(lines.find((text) => titles.test(text))).toBeDefined()
    expect(
      lines.find((text) => text.startsWith(`(not shown in ${columns} columns: `)),
    ).toBeDefined()
    for (const text of lines) expect(text.length, text).toBeLessThanOrEqual(columns)
  },
)

test.skipIf(!hasScript)(
  'a file has all columns, however narrow the terminal is (needs script)',
  async () => {
    const words = `${compare.join(' ')} --format table -o ${at('whole.txt')}`
    const line = `stty cols 40; exec "${process.execPath}" "${BIN}" ${words}`
    expect((await command('script', ['-qec', line, '/dev/null'])).code).toBe(0)
    expect(readFileSync(at('whole.txt'), 'utf8')).toMatch(/^Algorithm .* Rejected$/m)
  },
)

test('| head -1 ends quietly', async () => {
  const line = `"${process.execPath}" "${BIN}" gen-trace --rate 200 --duration 100 -o - | head -1`
  const { stdout, stderr } = await command('sh', ['-c', line])
  expect(stdout.split('\n')).toHaveLength(2)
  expect(stderr).not.toMatch(/EPIPE|error/i)
  const both = `"${process.execPath}" "${BIN}" run -c none.toml 2>&1 | true`
  expect(await command('sh', ['-c', both])).toEqual({ code: 0, stdout: '', stderr: '' })
})

test.skipIf(!existsSync('/dev/full'))(
  'a full disk is told in a line (needs /dev/full)',
  async () => {
    const line = `"${process.execPath}" "${BIN}" list-algorithms > /dev/full`
    const { code, stderr } = await command('sh', ['-c', line])
    expect(stderr).toMatch(/^error: standard output: ENOSPC: .+\n$/)
    expect(code).toBe(1)
  },
)

test('compare takes its algorithms with -a, as the other commands do', async () => {
  const named = await Promise.all(
    ['-A', '-a', '--algorithms'].map((flag) =>
      routesim(['compare', '-c', at('c.toml'), flag, 'round_robin,random']),
    ),
  )
  const [first] = named
  expect(first!.code).toBe(0)
  // What it says of its progress depends on the machine.
  expect(named.map(({ stdout }) => stdout)).toEqual(Array(3).fill(first!.stdout))
})

test('-t - reads a trace from a pipe', async () => {
  const input = readFileSync(at('trace.jsonl'))
  const args = ['run', '-c', at('c.toml'), '--format', 'json', '-t']
  const [pipe, file] = await Promise.all([
    routesim([...args, '-'], { input }),
    routesim([...args, at('trace.jsonl')]),
  ])
  expect(pipe.code).toBe(0)
  expect(pipe.stdout).toBe(file.stdout)
  expect(file.stderr).toBe('')
})

test('Ctrl-C prints what is finished and exits with 130', async () => {
  let isSent = false
  const { code, stdout, stderr } = await routesim(
    [
      'compare',
      '-c',
      at('long.toml'),
      '-A',
      'round_robin,prefix_overlap,least_kv',
      '--seeds',
      '4000',
    ],
    {
      onStderr: (child, text) => {
        if (isSent || !/round_robin|prefix_overlap|least_kv/.test(text)) return
        isSent = true
        child.kill('SIGINT')
      },
    },
  )
  expect(code).toBe(130)
  expect(stderr).toContain('Stopping')
  expect(stderr).toMatch(
    /(round_robin|prefix_overlap|least_kv) was stopped after \d+ of 4000 seeds/,
  )
  expect(stdout).toMatch(/^(round_robin|prefix_overlap|least_kv) /m)
  // Of the seeds, those that ran.
  const [, last] = /; seeds? (?:\d+ to )?(\d+)$/m.exec(stdout) ?? []
  expect(Number(last)).toBeLessThan(4000)
})

test('Ctrl-C while a trace is read exits with 130 and no complaint', async () => {
  const { code, stdout, stderr } = await routesim(['run', '-c', at('c.toml'), '-t', '-'], {
    // More than a pipe holds: when all of it is written, it is being read. It never ends.
    feed: (child) => child.stdin!.write('\n'.repeat(1 << 20), () => child.kill('SIGINT')),
  })
  expect(stderr).not.toMatch(/error/)
  expect(stdout).toBe('')
  expect(code).toBe(130)
})

test('--seeds 3 gives means and intervals', async () => {
  const args = ['run', '-c', at('c.toml'), '--seeds', '3']
  const [table, json] = await Promise.all([routesim(args), routesim([...args, '--format', 'json'])])
  expect(table.stdout).toMatch(/^TTFT +[\d.]+ ±[\d.]+/m)
  expect(table.stdout).toContain('seeds 42 to 44')
  const { ttft } = JSON.parse(json.stdout)
  expect(ttft.p50.mean).toBeGreaterThan(0)
  expect(ttft.p50.ci95).toBeGreaterThan(0)
})

test('the same seed gives the same bytes, another seed other traffic', async () => {
  const args = ['compare', '-c', at('c.toml'), '-A', 'random,power_of_two', '--format', 'json']
  const [a, b, other] = await Promise.all([
    routesim([...args, '--seed', '7']),
    routesim([...args, '--seed', '7']),
    routesim([...args, '--seed', '8']),
  ])
  expect(a.stdout).toBe(b.stdout)
  const [first, second] = [a, other].map(({ stdout }) => JSON.parse(stdout)[0])
  expect(first.total_requests).not.toBe(second.total_requests)
})
