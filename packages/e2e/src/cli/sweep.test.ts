import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { RandomStream } from '@routesim/core'
import { parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'
import { AXES, CONFIG, SWEEP } from '../testing/sixty-runs.js'

const WITH_SLO = `${CONFIG}[slo]\nttft_ms = 60\n`
const ON_TWO = [...SWEEP, ...AXES, '--jobs', '2']

const lines = (path: string): number =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0

/** Resolves when the process ends, or kills it once so many runs were added to the log. */
async function killedAfter(
  runs: number,
  waitMs: number,
  cwd: string,
  log: string,
): Promise<number | null> {
  const before = lines(log)
  const { code } = await routesim([...ON_TWO, '--log', log, '--resume'], {
    cwd,
    feed(process) {
      process.stdin?.end()
      const timer = setInterval(() => {
        if (lines(log) < before + runs) return
        clearInterval(timer)
        setTimeout(() => process.kill('SIGKILL'), waitMs)
      }, 2)
      process.on('close', () => clearInterval(timer))
    },
  })
  return code
}

test('killed ten times at random moments and resumed, a sweep gives what it gives undisturbed', async () => {
  const path = directoryWith({ 'c.toml': WITH_SLO })
  const cwd = path('.')
  const whole = await routesim([...ON_TWO, '--log', path('whole.jsonl')], { cwd })
  expect(whole.code, whole.stderr).toBe(0)
  const random = new RandomStream(process.pid, 'kills')
  let killed = 0
  for (let i = 0; i < 10; i++) {
    const code = await killedAfter(
      1 + random.integer(4),
      random.float() * 60,
      cwd,
      path('torn.jsonl'),
    )
    if (code === null) killed++
  }
  expect(killed).toBe(10)
  const resumed = await routesim([...ON_TWO, '--log', path('torn.jsonl'), '--resume'], {
    cwd,
  })
  expect(resumed.code, resumed.stderr).toBe(0)
  expect(resumed.stdout).toBe(whole.stdout)
  for (const name of ['whole', 'torn']) {
    const merge = ['results', 'merge', path(`${name}.jsonl`), '-o', path(`${name}-merged.jsonl`)]
    expect((await routesim(merge)).code).toBe(0)
  }
  const merged = readFileSync(path('torn-merged.jsonl'), 'utf8')
  expect(merged).toBe(readFileSync(path('whole-merged.jsonl'), 'utf8'))
  expect(merged.trim().split('\n')).toHaveLength(60)

  // The same in three parts, as under Kubernetes and Slurm.
  const parts = [0, 1, 2].map((i) => path(`part-${i}.jsonl`))
  for (const [i, log] of parts.entries()) {
    const env = i === 1 ? { JOB_COMPLETION_INDEX: '1' } : { SLURM_ARRAY_TASK_ID: String(i) }
    const words = [...ON_TWO, '--log', log, '--shard', 'auto/3']
    expect((await routesim(words, { cwd, env })).code).toBe(0)
  }
  expect((await routesim(['results', 'merge', ...parts, '-o', path('parts.jsonl')])).code).toBe(0)
  expect(readFileSync(path('parts.jsonl'), 'utf8')).toBe(merged)

  // Every format of an export has the same numbers.
  for (const to of ['csv', 'json', 'parquet']) {
    const words = ['results', 'export', path('parts.jsonl'), '-o', path(`all.${to}`)]
    expect((await routesim(words)).code).toBe(0)
  }
  const json = JSON.parse(readFileSync(path('all.json'), 'utf8'))
  const bytes = readFileSync(path('all.parquet'))
  const rows = await parquetReadObjects({ file: Uint8Array.from(bytes).buffer })
  expect(rows).toHaveLength(60)
  expect(rows.map((row) => row['ttft.p99'])).toEqual(
    json.map((row: { ttft: { p99: number } }) => row.ttft.p99),
  )
  const [header, first] = readFileSync(path('all.csv'), 'utf8').split('\r\n')
  const column = header!.split(',').indexOf('ttft.p99')
  expect(Number(first!.split(',')[column])).toBe(json[0].ttft.p99)
  const profile = ['results', 'export', path('parts.jsonl'), '--to', 'aiperf', '-o', path('aiperf')]
  expect((await routesim(profile)).code).toBe(0)
  const aiperf = readFileSync(path('aiperf/000000-round_robin/profile_export_aiperf.json'), 'utf8')
  expect(JSON.parse(aiperf)).toMatchObject({
    time_to_first_token: { unit: 'ms', p99: json[0].ttft.p99 },
    goodput: { avg: json[0].slo.goodput_requests_per_sec },
  })
})

test('failed runs are told on standard error, and the exit code tells', async () => {
  const path = directoryWith({ 'c.toml': WITH_SLO.replace('120', '5') })
  const words = ['sweep', '-c', path('c.toml'), '--set', 'cluster.num_backends=2', '--set']
  const { code, stdout, stderr } = await routesim([...words, 'cluster.max_num_seqs=0,8'])
  expect(code).toBe(1)
  expect(stdout).toContain('max_num_seqs')
  expect(stderr).toContain('cluster.max_num_seqs: expected an integer >= 1, got 0')
  expect(stderr).toContain('error: 1 of 2 runs failed')
})

test('a log is not resumed with other traffic, whose runs would stand among those it has', async () => {
  const path = directoryWith({
    'c.toml': CONFIG,
    'other.toml': CONFIG.replace('num_prefixes = 20', 'num_prefixes = 3'),
  })
  const cwd = path('.')
  const sweepOf = (config: string, rates: string, ...more: string[]) =>
    routesim(['sweep', '-c', config, '--rates', rates, '--duration', '5', '--log', 'l', ...more], {
      cwd,
    })
  expect((await sweepOf('c.toml', '1,2')).code).toBe(0)
  const grown = await sweepOf('c.toml', '1,2,3', '--resume')
  expect(grown.code).toBe(0)
  const before = readFileSync(path('l'), 'utf8')
  const other = await sweepOf('other.toml', '1,4', '--resume')
  expect(other.code).toBe(1)
  expect(other.stderr).toContain('l: has round_robin, rate 1, seed 42 of another trace, config')
  expect(readFileSync(path('l'), 'utf8')).toBe(before)
})

test('standard input is read once for all rates of Poisson arrivals', async () => {
  const path = directoryWith({
    'c.toml': '[cluster]\nnum_backends = 2\n[trace]\narrivals = "poisson"\n',
  })
  const request = { timestamp: 0, input_length: 600, output_length: 5, hash_ids: [1, 2] }
  const input = `${JSON.stringify(request)}\n`.repeat(40)
  const words = ['sweep', '-c', path('c.toml'), '-t', '-', '--rates', '5,10', '--format', 'json']
  const { code, stdout, stderr } = await routesim(words, { input })
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout).map(({ rate }: { rate: number }) => rate)).toEqual([5, 10])
})

test('logs of different sweeps are not shown as if they were one', async () => {
  const path = directoryWith({
    'c.toml': CONFIG,
    'other.toml': CONFIG.replace('num_prefixes = 20', 'num_prefixes = 3'),
  })
  const cwd = path('.')
  const sweeps = [
    ['c.toml', '1,2', 'a'],
    ['other.toml', '2,3', 'b'],
    ['other.toml', '3,4', 'c'],
  ] as const
  for (const [config, rates, log] of sweeps) {
    const words = ['sweep', '-c', config, '--rates', rates, '--duration', '5', '--log', log]
    expect((await routesim(words, { cwd })).code).toBe(0)
  }
  const same = await routesim(['results', 'show', 'a', 'b'], { cwd })
  expect(same).toMatchObject({ code: 1, stdout: '' })
  expect(same.stderr).toContain('b: has round_robin, rate 2, seed 42 of another trace')
  const apart = await routesim(['results', 'show', 'a', 'c'], { cwd })
  expect(apart.code).toBe(0)
  expect(apart.stderr).toContain('note: the logs are of different sweeps')
  const profiles = ['results', 'export', 'a', 'c', '--to', 'aiperf', '-o', 'profiles']
  expect((await routesim(profiles, { cwd })).stderr).toContain('Wrote 4 runs below profiles')
  const rates = readdirSync(path('profiles')).map((folder) => {
    const text = readFileSync(path(`profiles/${folder}/profile_export_aiperf.json`), 'utf8')
    return JSON.parse(text).input_config.request_rate
  })
  expect(rates).toEqual([1, 2, 3, 4])
  const one = await routesim(['results', 'show', 'a'], { cwd })
  expect(one.stderr).toBe('')
})
