import { readFileSync } from 'node:fs'
import { readTrace } from '@routesim/traces'
import { describe, expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'

const at = directoryWith({
  'closed.toml': `
[cluster]
num_backends = 2
[workload]
requests = 120
arrivals.kind = "at_once"
prompt_tokens = 300
output_tokens = { kind = "uniform", min = 5, max = 25 }
`,
  'mixed.toml': `
[cluster]
num_backends = 2
[workload]
duration_sec = 20
output_tokens = 10
tenants = { count = 3 }
[[workload.clients]]
name = "steady"
arrivals = { kind = "constant", rate_rps = 4 }
prompt_tokens = 50
[[workload.clients]]
name = "ramp"
unique_tokens = { kind = "exponential", mean = 90 }
prefixes = [{ count = 1, tokens = 100 }, { by = "tenant", tokens = 40 }]
[[workload.clients.arrivals.stages]]
duration_sec = 20
rate_rps = 0
to_rate_rps = 10
`,
  'plain.toml': '[cluster]\nnum_backends = 2\n',
  'trace.jsonl': Array.from(
    { length: 40 },
    (_, i) => `{"ts": ${i * 100}, "prompt_tokens": ${10 + i}, "gen_tokens": 5}\n`,
  ).join(''),
})

describe('gen-trace', () => {
  test('writes the workload of a config, by its seed', async () => {
    const out = at('mixed.jsonl')
    const { code, stderr } = await routesim(['gen-trace', '-c', at('mixed.toml'), '-o', out])
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^Wrote 1\d\d requests to /)])
    const { table } = await readTrace(out)
    expect(table.promptTokens.filter((tokens) => tokens === 50)).toHaveLength(80)
    expect(new Set([...table.prefixTokens])).toEqual(new Set([0, 140]))
    const other = at('other.jsonl')
    await routesim(['gen-trace', '-c', at('mixed.toml'), '--seed', '7', '-o', other])
    expect(readFileSync(other, 'utf8')).not.toBe(readFileSync(out, 'utf8'))
  })

  test('makes requests as the serving simulator does', async () => {
    const out = at('lengths.jsonl')
    const args = ['gen-trace', '--source', 'mooncake', '-t', at('trace.jsonl'), '--rate', '4']
    expect((await routesim([...args, '-o', out])).code).toBe(0)
    const { table } = await readTrace(out)
    expect([...table.promptTokens]).toEqual(Array.from({ length: 40 }, (_, i) => 10 + i))
    expect(table.arrivalMs[39]! - table.arrivalMs[0]!).toBeGreaterThan(5000)
  })

  test.each([
    [['-c', at('mixed.toml'), '--rate', '3'], '--rate: expected nothing beside --config'],
    [['-c', at('plain.toml')], 'expected a [workload] or a generator in [trace], got none'],
    [['--source', 'zipfian', '--cv', '2'], '--cv: expected nothing beside --source'],
    [['--source', 'zipfian', '--zipf-s', '1'], '--zipf-s: expected a number > 1, got 1'],
    [
      ['--source', 'lognormal', '--trace', 'x'],
      '--trace: expected nothing beside --source lognormal',
    ],
    [['--source', 'mooncake'], '--trace is required for --source mooncake'],
    [['--requests', '5'], '--requests: expected nothing beside a generator'],
    [
      ['--burst-rate', '5'],
      '--burst-rate: expected nothing, as it belongs to the generator bursty',
    ],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await routesim(['gen-trace', ...args, '-o', '-'])
    expect(code).not.toBe(0)
    expect(stderr).toContain(message)
  })
})

describe('run', () => {
  const makespan = async (args: readonly string[]): Promise<number> => {
    const { code, stdout, stderr } = await routesim(['run', ...args, '--format', 'json'])
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout).duration_ms / 1000
  }

  test('--concurrency closes the loop', async () => {
    const config = ['-c', at('closed.toml')]
    const [one, eight] = [
      await makespan([...config, '--concurrency', '1']),
      await makespan([...config, '--concurrency', '8']),
    ]
    expect(one / eight).toBeGreaterThan(3)
  })

  test('--arrivals changes when requests arrive', async () => {
    const trace = ['-c', at('plain.toml'), '-t', at('trace.jsonl')]
    expect(await makespan([...trace, '--arrivals', 'rescaled', '--rate', '1'])).toBeGreaterThan(39)
    expect(await makespan([...trace, '--arrivals', 'at_once'])).toBeLessThan(2)
  })

  test.each([
    [
      ['-c', at('closed.toml'), '--concurrency', '0'],
      '--concurrency: expected an integer >= 1, got 0',
    ],
    [
      ['-c', at('closed.toml'), '--arrivals', 'at_once'],
      'arrivals: expected requests that are read',
    ],
    [['-c', at('closed.toml'), '--no-per-request'], 'expected no requests that arrive all at once'],
    [['-c', at('plain.toml'), '-t', at('trace.jsonl'), '--rate', '2'], 'rate: expected nothing'],
    [
      ['-c', at('plain.toml'), '-t', at('trace.jsonl'), '--rate', '2', '--arrivals', 'at_once'],
      '--rate: expected nothing with --arrivals at_once, got 2',
    ],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await routesim(['run', ...args])
    expect(code).not.toBe(0)
    expect(stderr).toContain(message)
  })
})

test('a sweep generates a workload at each rate', async () => {
  const args = ['sweep', '-c', at('mixed.toml'), '--rates', '5,20', '--format', 'json']
  const { code, stdout, stderr } = await routesim(args)
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('"rate": 5')
  const points = stdout.matchAll(/"rate": \d+,[\s\S]*?"completed_requests": (\d+)/g)
  const done = [...points].map(([, count]) => Number(count))
  expect(done[1]! / done[0]!).toBeGreaterThan(3)
  expect(done[1]! / done[0]!).toBeLessThan(5.5)
})

test('convert writes a trace at other times', async () => {
  const out = at('fast.jsonl')
  const args = ['convert', '-i', at('trace.jsonl'), '-o', out]
  expect((await routesim([...args, '--arrivals', 'rescaled', '--rate', '39'])).code).toBe(0)
  expect((await readTrace(out)).table.arrivalMs[39]).toBeCloseTo(1000, 9)
  const { code, stderr } = await routesim([...args, '--arrivals', 'poisson'])
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('--rate: expected requests per second'),
  ])
})

test('a workload without a cluster is written as a trace; a sweep takes a limit of requests in flight', async () => {
  const path = directoryWith({
    'shape.toml':
      '[workload]\nrequests = 60\narrivals.kind = "at_once"\nprompt_tokens = 300\noutput_tokens = 20\n',
    'c.toml':
      '[cluster]\nnum_backends = 2\n[workload]\nrequests = 60\narrivals.kind = "at_once"\nprompt_tokens = 300\noutput_tokens = 20\n',
  })
  const cwd = path('.')
  const made = await routesim(['gen-trace', '-c', 'shape.toml', '-o', 'x.jsonl'], { cwd })
  expect(made.stderr).toBe('Wrote 60 requests to x.jsonl\n')
  const missing = await routesim(['run', '-c', 'shape.toml'], { cwd })
  expect(missing).toMatchObject({ code: 1 })
  expect(missing.stderr).toContain('cluster')

  const own = ['--set', 'cluster.num_backends=2,3', '--format', 'json']
  const sweepOf = async (...more: string[]) => {
    const { code, stdout, stderr } = await routesim(['sweep', '-c', 'c.toml', ...own, ...more], {
      cwd,
    })
    expect(stderr).not.toContain('Error')
    expect(code).toBe(0)
    return JSON.parse(stdout)
  }
  const run = await routesim(['run', '-c', 'c.toml', '--concurrency', '3', '--format', 'json'], {
    cwd,
  })
  const limited = await sweepOf('--concurrency', '3')
  const free = await sweepOf()
  const text = JSON.stringify(limited)
  expect(text).toContain(`"duration_ms":${JSON.parse(run.stdout).duration_ms}`)
  expect(JSON.stringify(free)).not.toBe(text)
  const twice = ['sweep', '-c', 'c.toml', '--set', 'workload.concurrency=3,4', '--concurrency', '3']
  const refused = await routesim(twice, { cwd })
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('--concurrency: expected it once')
  expect((await routesim([...twice.slice(0, 3), '--concurrency', '0'], { cwd })).code).toBe(2)
})
