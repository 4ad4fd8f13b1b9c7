// capacity, whatif, tune and compare --robust, as one meets them on the command line.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { directoryWith, ROOT, routesim } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

const at = directoryWith({
  'c.toml': `[cluster]
num_backends = 2
[trace]
rate = 20
duration_sec = 5
num_prefixes = 8
[slo]
ttft_ms = 200`,
  'no-slo.toml': '[cluster]\nnum_backends = 2\n[trace]\nrate = 10\nduration_sec = 4',
  'bursty.toml':
    '[cluster]\nnum_backends = 2\n[trace]\ngenerator = "bursty"\nrate = 10\nbase_rate = 5\n[slo]\nttft_ms = 200',
  'model.toml':
    '[cluster]\nnum_backends = 1\nmodel = "llama-3.1-70b"\ntp = 4\n[trace]\nrate = 5\nduration_sec = 5\n[slo]\nttft_ms = 2000',
  'groups.toml':
    '[[cluster.backends]]\ncount = 2\n[[cluster.backends]]\ncount = 1\n[trace]\nrate = 10\nduration_sec = 4\n[slo]\nttft_ms = 200',
  'few.jsonl':
    '{"ts":0,"prompt_tokens":5,"gen_tokens":5}\n{"ts":9,"prompt_tokens":50,"gen_tokens":5}\n',
  'many.jsonl': Array.from(
    { length: 200 },
    (_, i) => `{"ts":${i * 100},"prompt_tokens":50,"gen_tokens":5}`,
  ).join('\n'),
  'failing.mjs': `export default {
  name: 'failing', description: 'Does not get to run.',
  parameters: {}, presets: {}, manifest: {},
  create: () => ({ name: 'failing', route: () => { throw new Error('it ran') } }),
}`,
  'planted.mjs': `export default {
  name: 'planted', description: 'Costs least at 0.3.',
  parameters: { x: { default: 0.9, min: 0, max: 1, description: 'A share.' } },
  presets: {}, manifest: {},
  create: ({ x = 0.9 } = {}) => ({
    name: 'planted',
    route: (_, { backends }) => backends[0],
    customMetrics: () => ({ cost: 1 + (x - 0.3) ** 2 }),
  }),
}`,
})
const given = ['-c', at('c.toml'), '--jobs', '1']
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await inProcess([...args, '--format', 'json'])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

test('capacity: a rate on each side of the border, under the same seeds, and the same again', async () => {
  const line = ['capacity', ...given, '-a', 'round_robin,random', '--precision', '0.1']
  const report = await json(...line)
  expect(report.scenario.seeds).toHaveLength(3)
  for (const { meets, misses, probes } of report.answers) {
    expect(misses / meets).toBeLessThanOrEqual(1.1)
    expect(probes.find((probe: { value: number }) => probe.value === meets).meets).toBe(true)
    expect(probes.find((probe: { value: number }) => probe.value === misses).meets).toBe(false)
  }
  const tried = report.answers.flatMap(({ probes }: { probes: unknown[] }) => probes)
  expect(report.runs).toBe(tried.length * 3)
  const onWorkers = await routesim([...line, '--jobs', '2', '--format', 'json'])
  expect(JSON.parse(onWorkers.stdout)).toEqual(report)
})

test('capacity: a GPU type that is too small for the model is told, and the others go on', async () => {
  const { code, stdout } = await inProcess([
    'capacity',
    '-c',
    at('model.toml'),
    '--rate',
    '2',
    '--gpus',
    'H100Sxm,L40S:tp=1',
  ])
  expect(code).toBe(0)
  expect(stdout).toContain('L40S:tp=1 can not be tried: ')
  expect(stdout).toContain('Only one can do it: ')
})

test('whatif: what differs is told with its interval, what does not as no significant difference', async () => {
  const { code, stdout } = await inProcess(['whatif', ...given, '--set', 'cluster.num_backends=1'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/E2E P99 is worse: \+.* ms \(\+[\d.]+%\), 95% interval \+/)
  expect(stdout).toMatch(/Intervals are over 5 paired seeds/)
  const same = await inProcess(['whatif', ...given, '--to', 'least_outstanding'])
  expect(same.stdout).toContain('No significant difference in ')
  const file = await json('whatif', ...given, '--against', at('no-slo.toml'))
  expect(file.names[1]).toContain('no-slo.toml')
})

test('tune: a router of a file, on workers, and what to write after -a', async () => {
  const { code, stdout } = await routesim([
    ...['tune', '-c', at('c.toml'), '-a', at('planted.mjs'), '--jobs', '2', '--windows', '2'],
    ...['--objective', 'custom_metrics.cost', '--subject-to', 'none', '--candidates', '9'],
    ...['--format', 'json'],
  ])
  expect(code).toBe(0)
  const report = JSON.parse(stdout)
  expect(report.parameters[0].tuned).toBeCloseTo(0.3, 1)
  expect(report.spec).toBe(`${at('planted.mjs')}:x=${report.parameters[0].tuned}`)
  expect(report.held_out.gain.outcome).toBe('better')
})

test('compare --robust: what can not be ranked is refused before anything runs', async () => {
  const line = ['compare', ...given, '-A', `random,${at('failing.mjs')}`, '--robust']
  const { code, stderr } = await inProcess([...line, '--by', 'ttft.p98'])
  expect(stderr).toMatch(/^error: --by: expected a number of a result such as ttft.p99/)
  expect(code).toBe(2)
})

test('compare --robust: how often who is first, beside the results', async () => {
  const line = ['compare', ...given, '-A', 'round_robin,prefix_overlap', '--robust']
  const { results, robustness } = await json(
    ...line,
    '--visibility',
    'local-only',
    '--by',
    'ttft.p50',
  )
  expect(results).toHaveLength(2)
  expect(robustness.settings).toHaveLength(6 * 2)
  expect(robustness.by.path).toBe('ttft.p50')
  const { stdout } = await inProcess(line)
  expect(stdout).toContain('Ranks by TTFT P99 over step times, visibility and seeds:')
})

test('--chart draws below the table', async () => {
  const sweep = ['sweep', ...given, '--set', 'cluster.num_backends=1,2,4', '--chart']
  const { code, stdout } = await inProcess(sweep)
  expect(code).toBe(0)
  expect(stdout).toMatch(/TTFT P99 by num_backends[\s\S]*└─+/)
  const compare = await inProcess(['compare', ...given, '-A', 'random,least_kv', '--chart'])
  expect(compare.stdout).toContain('Time to first token (TTFT)')
  const capacity = await inProcess(['capacity', ...given, '--precision', '0.5', '--chart'])
  expect(capacity.stdout).toContain('Requests within their targets by arrival rate')
})

test.each([
  ['capacity -c no-slo.toml', 1, 'slo: expected a target that requests have to meet'],
  ['capacity -c c.toml --rate 0', 2, '--rate: expected a number > 0, got 0'],
  ['capacity -c c.toml --attainment 2', 2, '--attainment: expected a number > 0 and <= 1, got 2'],
  ['capacity -c c.toml --precision 0', 2, '--precision: expected a number from 0.0001 to 1, got 0'],
  ['capacity -c c.toml --scale cluster.num_backends', 2, '--scale: only with --rate'],
  [
    'capacity -c c.toml --fleet --scale cluster.seats',
    2,
    '--scale: expected cluster.num_backends, which counts backends, got cluster.seats',
  ],
  ['capacity -c c.toml --gpus H100Sxm', 2, '--gpus: expected a config that says cluster.model'],
  ['capacity -c model.toml --gpus H1000', 2, 'H1000'],
  ['capacity -c model.toml --gpus H100Sxm:foo', 2, '--gpus "H100Sxm:foo": expected parameter='],
  [
    'capacity -c bursty.toml',
    1,
    'trace.base_rate: expected nothing when the largest rate is sought',
  ],
  [
    'capacity -c groups.toml --rate 5',
    1,
    'scale: expected the key that counts the backends of one of [[cluster.backends]]',
  ],
  ['capacity -c c.toml --visibility exact,llm-d', 2, '--visibility: expected one profile'],
  ['capacity -c c.toml --chart --format json', 2, '--chart: expected a table to go with'],
  ['capacity -c c.toml -a bogus', 2, 'unknown router "bogus"'],
  ['whatif -c c.toml', 2, 'expected something that changes'],
  ['whatif -c c.toml --set cluster.num_backends=1,2', 2, 'expected one value, got "1,2"'],
  ['whatif -c c.toml --set cluster.num_backendz=1', 2, 'did you mean "num_backends"?'],
  [
    'whatif -c c.toml --to random --seeds 1',
    2,
    '--seeds: expected at least 2 for an interval, got 1',
  ],
  [
    'capacity -c c.toml -a random,random',
    2,
    '--algorithms: expected names that differ, got random',
  ],
  [
    'sweep -c c.toml --rates 10,20 --set trace.rate=5',
    2,
    '--rates: expected it once, got 10, 20 and trace.rate among what is swept',
  ],
  [
    'whatif -c c.toml --to random --windows 4',
    2,
    '--windows: expected nothing beside traffic that differs with the seed, got 4',
  ],
  [
    'whatif -c c.toml --to random --seeds 4 -t many.jsonl',
    2,
    '--seeds: expected nothing beside a trace, which is cut into windows, got 4',
  ],
  [
    'tune -c c.toml -a prefix_aware --holdout 0.3',
    2,
    '--holdout: expected nothing beside generated traffic, of which other seeds are held out',
  ],
  ['whatif -c c.toml --to random --windows 1', 2, '--windows: expected an integer from 2 to 1000'],
  ['whatif -c c.toml --to random -t few.jsonl', 1, 'trace: expected at least 100 requests'],
  ['whatif -c c.toml --against none.toml', 1, 'none.toml: no such file'],
  ['tune -c c.toml', 2, '--algorithm is required'],
  ['tune -c c.toml -a round_robin', 2, '--algorithm: expected one with a parameter to tune'],
  [
    'tune -c c.toml -a dynamo_kv --only scale',
    2,
    '--only: expected a parameter of dynamo_kv, got "scale"',
  ],
  ['tune -c c.toml -a dynamo_kv --objective ttft', 2, '--objective: expected a number of a result'],
  [
    'tune -c c.toml -a dynamo_kv --subject-to ttft.p99',
    2,
    '--subject-to: expected a metric with a bound',
  ],
  ['tune -c c.toml -a dynamo_kv --holdout 2', 2, '--holdout: expected a number from 0.05 to 0.95'],
  [
    'tune -c c.toml -a dynamo_kv --range index=1..2',
    2,
    '--range index: expected one of exact, approximate, got 1',
  ],
  ['tune -c c.toml -a prefix_aware --range cache_weight=-5..50', 2, 'from 0 to 1, got -5'],
  ['tune -c c.toml -a prefix_aware --range cache_weight=0.1,7', 2, 'from 0 to 1, got 7'],
  ['tune -c c.toml -a dynamo_kv --range ttl_sec', 2, '--range: expected a name and values'],
  ['tune -c c.toml -a dynamo_kv -t few.jsonl', 1, 'trace: expected at least'],
  ['compare -c c.toml -A random --robust', 2, '--algorithms: expected at least two to rank, got 1'],
  ['compare -c c.toml --by ttft.p50', 2, 'robust'],
])('routesim %s', async (line, code, complaint) => {
  const words = line.split(' ').map((word) => (/\.(toml|jsonl)$/.test(word) ? at(word) : word))
  const outcome = await inProcess(words)
  expect(outcome.stderr).toContain(complaint)
  expect(outcome.stderr).not.toMatch(/^ +at |undefined|\[object|unexpected error/m)
  expect(outcome.stdout).toBe('')
  expect(outcome.code).toBe(code)
})

const TRACE = join(ROOT, '../shared/traces/mooncake/conversation_trace.jsonl.gz')
const isMissing = !existsSync(TRACE)

test.skipIf(isMissing)(
  `tuned on the first half of the published Mooncake trace, the Dynamo cost is held against the second${isMissing ? ' (skipped: ../shared has no traces)' : ''}`,
  async () => {
    const line = ['tune', '-c', join(ROOT, 'configs/mooncake.toml'), '-t', TRACE, '-a', 'dynamo_kv']
    const { code, stdout } = await routesim([...line, '--format', 'json'])
    expect(code).toBe(0)
    const { training, held_out, verdict } = JSON.parse(stdout)
    // Without the warm-up of 50.
    expect([training.requests, held_out.requests]).toEqual([5965, 6016])
    expect(training.tuned).toBeLessThan(training.before)
    const { gain } = held_out
    expect(gain.pairs).toBe(6)
    // What docs/how-to/tune-a-router.md says of it.
    expect(gain.outcome).toBe('better')
    expect(verdict[1]).toContain('(-5.6%), 95% interval -166 ms to -18.1 ms.')
    expect(gain.difference).toBe(held_out.tuned - held_out.before)
  },
)
