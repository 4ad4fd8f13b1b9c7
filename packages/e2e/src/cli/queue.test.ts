import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BIN, directoryWith, type Outcome, routesim } from '../testing/command.js'
import { REDIS, startRedis, type TestRedis } from '../testing/redis.js'
import { AXES, CONFIG, SWEEP } from '../testing/sixty-runs.js'
import { until } from '../testing/until.js'

const SMALL = ['sweep', '-c', 'c.toml', '--set', 'cluster.num_backends=2,3']

const workers: ChildProcess[] = []

/** A worker in a process of its own. */
class TestWorker {
  stderr = ''
  readonly process: ChildProcess
  readonly code: Promise<number | null>

  constructor(url: string, words: readonly string[] = [], cwd?: string) {
    const args = [BIN, 'worker', '--queue', url, '--dead-after', '2', ...words]
    this.process = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
    workers.push(this.process)
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.code = new Promise((resolve) => this.process.on('close', resolve))
  }

  get runs(): number {
    return this.stderr.split('\n').filter((line) => line.startsWith('done: ')).length
  }

  async leave(): Promise<void> {
    this.process.kill('SIGTERM')
    expect(await this.code, this.stderr).toBe(0)
  }
}

describe.skipIf(REDIS === undefined)('a sweep through a queue in Redis', () => {
  let server: TestRedis
  let redis: Redis

  beforeAll(async () => {
    server = await startRedis(['--requirepass', 'secret'])
    server = { ...server, url: server.url.replace('//', '//:secret@') }
    redis = new Redis(server.url)
  })
  beforeEach(() => redis.flushall())
  // Those of a test that failed.
  afterEach(() => void workers.splice(0).map((worker) => worker.kill('SIGKILL')))
  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  /** A sweep, done by others. */
  const shared = (words: readonly string[], cwd: string): Promise<Outcome> =>
    routesim([...words, '--queue', server.url], { cwd })

  /** The log as merging writes it: in the order of the sweep. */
  async function merged(log: string): Promise<string> {
    expect((await routesim(['results', 'merge', log, '-o', `${log}.merged`])).code).toBe(0)
    return readFileSync(`${log}.merged`, 'utf8')
  }

  const fieldsOfRuns = async (field: string): Promise<(string | null)[]> => {
    const keys = await redis.keys('routesim:runs-*')
    const types = await Promise.all(keys.map((key) => redis.type(key)))
    const jobs = keys.filter((key, i) => types[i] === 'hash' && /:[0-9a-f]{32}$/.test(key))
    return Promise.all(jobs.map((key) => redis.hget(key, field)))
  }

  async function waiting(runs: number): Promise<void> {
    const keys = () => fieldsOfRuns('data').then(({ length }) => length)
    await expect.poll(keys).toBe(runs)
  }

  test('a Redis that refuses commands is told of, and a worker goes on when it takes them again', async () => {
    const path = directoryWith({ 'c.toml': CONFIG })
    const cwd = path('.')
    const refusedBy = async (key: string): Promise<string> => {
      await redis.config('SET', key, '1')
      const { code, stderr } = await shared(SMALL, cwd)
      await redis.config('SET', key, '0')
      expect(code, stderr).toBe(1)
      return stderr
    }
    const at = server.url.replace(/.*@/, 'redis://***@')
    const full = await refusedBy('maxmemory')
    expect(full).toContain(`error: queue ${at}: it refuses: OOM command not allowed`)
    expect(full).toContain('raise its maxmemory')
    const alone = await refusedBy('min-replicas-to-write')
    expect(alone).toContain(
      `queue ${at}: it refuses: NOREPLICAS Not enough good replicas to write\n`,
    )

    const sweep = shared(SMALL, cwd)
    await waiting(2)
    await redis.config('SET', 'min-replicas-to-write', '1')
    const worker = new TestWorker(server.url)
    await until(() => worker.stderr.includes('it refuses: NOREPLICAS'))
    await redis.config('SET', 'min-replicas-to-write', '0')
    const { code, stderr } = await sweep
    expect(code, stderr).toBe(0)
    await worker.leave()
    expect(worker.stderr.match(/it refuses/g), worker.stderr).toHaveLength(1)
  })

  test('two workers of which one is killed give what one process gives; a third joins and leaves', async () => {
    const path = directoryWith({ 'c.toml': CONFIG })
    const cwd = path('.')
    const whole = await routesim([...SWEEP, ...AXES, '--log', path('whole.jsonl')], { cwd })
    expect(whole.code, whole.stderr).toBe(0)

    const [killed, survivor] = [new TestWorker(server.url), new TestWorker(server.url)]
    const sweep = shared([...SWEEP, ...AXES, '--log', path('queue.jsonl')], cwd)
    await until(() => killed.runs >= 3)
    killed.process.kill('SIGKILL')
    const guest = new TestWorker(server.url, ['--grace', '0'])
    await until(() => guest.runs >= 1)
    await guest.leave()
    const { code, stdout, stderr } = await sweep
    expect(code, stderr).toBe(0)
    expect(stdout).toBe(whole.stdout)
    const all = await merged(path('queue.jsonl'))
    expect(all).toBe(await merged(path('whole.jsonl')))
    expect(all.trim().split('\n')).toHaveLength(60)
    // The run that the killed one had begun was found and begun again.
    const stalls = await fieldsOfRuns('stc')
    expect(stalls).toHaveLength(60)
    expect(stalls.filter((count) => count !== null)).toHaveLength(1)

    // What is done already, by whatever sweep, is not done again; nor what stands in the log.
    const before = survivor.runs
    const again = await shared([...SWEEP, ...AXES, '--log', path('again.jsonl')], cwd)
    expect(again.stdout).toBe(whole.stdout)
    const torn = all.split('\n').slice(0, 20).join('\n')
    writeFileSync(path('torn.jsonl'), `${torn}\n`)
    const words = [...SWEEP, ...AXES, '--log', path('torn.jsonl'), '--resume']
    expect((await shared(words, cwd)).stdout).toBe(whole.stdout)
    expect(await merged(path('torn.jsonl'))).toBe(all)
    expect(survivor.runs).toBe(before)
    await survivor.leave()
  })

  test('a worker that leaves in haste gives back its run, which another does at once', async () => {
    const path = directoryWith({ 'c.toml': CONFIG.replace('120', '2500') })
    const sweep = shared(SMALL, path('.'))
    const hasty = new TestWorker(server.url, ['--grace', '0', '--dead-after', '600'])
    await expect.poll(() => fieldsOfRuns('processedOn')).toContainEqual(expect.any(String))
    await hasty.leave()
    expect(hasty.stderr).toContain('0 runs done, 0 failed, 0 refused, 1 given back')
    const other = new TestWorker(server.url, ['--jobs', '2', '--idle', '2'])
    const { code, stdout } = await sweep
    expect(code).toBe(0)
    expect(await other.code, other.stderr).toBe(0)
    expect(other.stderr).toContain('Left: 2 runs done')
    expect(stdout).toBe((await routesim(SMALL, { cwd: path('.') })).stdout)
  })

  test('traces, routers and files have to be the same at the worker', async () => {
    const router = (pick: number) => `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({
  name: 'mine', description: 'Mine.', create: () => ({ route: (request, { backends }) => backends[${pick}] }),
})`
    const line = (i: number) =>
      `{"timestamp": ${i * 50}, "input_length": ${200 + i}, "output_length": 10}\n`
    const trace = Array.from({ length: 100 }, (_, i) => line(i)).join('')
    const path = directoryWith({ 'c.toml': CONFIG, 'mine.ts': router(0), 't.jsonl': trace })
    const cwd = path('.')
    const words = [...SMALL, '-t', 't.jsonl', '--rates', '10,20', '-a', './mine.ts,random']
    const local = await routesim(words, { cwd })
    expect(local.code, local.stderr).toBe(0)

    // The worker begins when the sweep has read its files, and they have changed since.
    const first = shared(words, cwd)
    await waiting(8)
    writeFileSync(path('t.jsonl'), line(7) + trace)
    const worker = new TestWorker(server.url)
    await until(() => worker.stderr.includes(`t.jsonl: holds other requests at this worker`))
    writeFileSync(path('t.jsonl'), trace)
    // Another try, as every run has several.
    expect(await first).toMatchObject({ code: 0, stdout: local.stdout })
    await worker.leave()

    await redis.flushall()
    const second = shared(words, cwd)
    await waiting(8)
    writeFileSync(path('mine.ts'), router(1))
    const late = new TestWorker(server.url)
    await until(() => late.stderr.includes('mine.ts: is another file at this worker'))
    writeFileSync(path('mine.ts'), router(0))
    expect(await second).toMatchObject({ code: 0, stdout: local.stdout })
    await late.leave()
  })

  test('files that the config names are found from another directory, and have to be the same', async () => {
    const numbers = '100\n200\n900\n'
    const client = '[workload]\narrivals = { kind = "poisson", rate_rps = 20 }\nduration_sec = 20\n'
    const lengths = 'prompt_tokens = { kind = "empirical", path = "n.txt" }\noutput_tokens = 20\n'
    const config = `[cluster]\nnum_backends = 2\nkv_cache_blocks = 2000\n${client}${lengths}`
    const path = directoryWith({ 'c.toml': config, 'n.txt': numbers })
    const cwd = path('.')
    const local = await routesim(SMALL, { cwd })
    expect(local.code, local.stderr).toBe(0)
    const sweep = shared(SMALL, cwd)
    await waiting(2)
    writeFileSync(path('n.txt'), '100\n')
    const elsewhere = directoryWith({})('.')
    const worker = new TestWorker(server.url, [], elsewhere)
    await until(() => worker.stderr.includes('n.txt: is another file at this worker'))
    writeFileSync(path('n.txt'), numbers)
    expect(await sweep).toMatchObject({ code: 0, stdout: local.stdout })

    // Other numbers make other runs, though the config is the same.
    writeFileSync(path('n.txt'), '700\n')
    const before = worker.runs
    const other = await shared(SMALL, cwd)
    expect(other.stdout).not.toBe(local.stdout)
    expect(other.stdout).toBe((await routesim(SMALL, { cwd })).stdout)
    expect(worker.runs).toBe(before + 2)
    await worker.leave()
  })

  test('a trace that the config names arrives at each rate, its events beside the same requests', async () => {
    const line = (i: number) =>
      `{"timestamp": ${i * 50}, "input_length": ${200 + i}, "output_length": 10}\n`
    const trace = Array.from({ length: 100 }, (_, i) => line(i)).join('')
    const events = '[[events]]\nat_sec = 2\nkind = "slow"\nbackend = 0\nfactor = 50\n'
    const config = `[cluster]\nnum_backends = 2\n[trace]\npath = "t.jsonl"\n${events}`
    const path = directoryWith({ 'c.toml': config, 't.jsonl': trace })
    const cwd = path('.')
    const words = ['sweep', '-c', 'c.toml', '--rates', '10,40']
    const local = await routesim(words, { cwd })
    expect(local.code, local.stderr).toBe(0)
    expect(local.stdout).toMatch(/^Traffic: t\.jsonl/)
    const worker = new TestWorker(server.url, [], directoryWith({})('.'))
    expect(await shared(words, cwd)).toMatchObject({ code: 0, stdout: local.stdout })
    await worker.leave()
  })

  test('runs of another version are refused, and a sweep without workers says so', async () => {
    const path = directoryWith({ 'c.toml': CONFIG })
    await redis.sadd('routesim:versions', '9.9.9+1')
    await redis.rpush('routesim:runs-9.9.9+1:wait', 'some', 'more')
    const worker = new TestWorker(server.url)
    await until(() => /refused: 2 runs of RouteSim 9\.9\.9\+1 wait/.test(worker.stderr))
    await worker.leave()
    let wasTold = false
    const { code } = await routesim([...SMALL, '--queue', server.url], {
      cwd: path('.'),
      onStderr(process, stderr) {
        if (wasTold || !stderr.includes('no worker is at redis://***@127.0.0.1')) return
        wasTold = true
        process.kill('SIGINT')
      },
    })
    expect(wasTold).toBe(true)
    expect(code).toBe(130)
    // Taken back, since nobody waits for them.
    expect(await fieldsOfRuns('data')).toEqual([])
  })

  test('a run that fails is recorded with its error, and done again by the next sweep only', async () => {
    const path = directoryWith({ 'c.toml': CONFIG })
    const words = ['sweep', '-c', 'c.toml', '--set', 'simulation.warmup_requests=0,100000']
    const worker = new TestWorker(server.url)
    for (let i = 1; i <= 2; i++) {
      const { code, stderr } = await shared(words, path('.'))
      expect(code).toBe(1)
      expect(stderr).toContain('warm-up leaves nothing to measure')
      expect(worker.runs).toBe(1)
    }
    expect(worker.stderr.split('failed: round_robin, seed 42: warm-up')).toHaveLength(3)
    await worker.leave()
  })

  test('mistakes are told before anything is written', async () => {
    const path = directoryWith({ 'c.toml': CONFIG })
    const told = async (url: string, ...words: string[]): Promise<string> => {
      const own = [...SMALL, '--log', path('log.jsonl'), '--queue', url, ...words]
      const { code, stderr } = await routesim(own, { cwd: path('.') })
      expect(code).not.toBe(0)
      expect(stderr).not.toContain('secret')
      return stderr
    }
    expect(await told('http://localhost')).toContain('expected an address such as redis://')
    expect(await told('redis://:secret@127.0.0.1:1')).toMatch(/\*\*\*@127.0.0.1:1.*ECONNREFUSED/)
    const wrong = await told(server.url.replace('secret', 'wrong'))
    expect(wrong).toContain('WRONGPASS')
    expect(wrong).toContain('Give a password as ROUTESIM_QUEUE_PASSWORD')
    expect(await told('redis://:sec/secret@127.0.0.1')).toMatch(/\/\/\*\*\*@127.*percent-encoded/s)
    expect(await told('redis://127.0.0.1:1?password=secret')).toContain(':1?***: can not connect')
    expect(await told(`${server.url}/99`)).toContain('DB index is out of range')
    expect(await told(server.url, '-t', '-')).toContain('standard input can not go')
    expect(await told(server.url, '--jobs', '2')).toContain('jobs')
    expect(await told(server.url, '--shard', '0/2')).toContain('shard')
    const { code } = await routesim([...SMALL, '--log', path('log.jsonl')], { cwd: path('.') })
    expect(code).toBe(0)
  })

  test.each(['for good', 'for a while'])(
    'a worker leaves also when its Redis was away: %s',
    async (away) => {
      const first = await startRedis()
      const worker = new TestWorker(first.url)
      await until(() => worker.stderr.includes('waiting for runs'))
      await first.stop()
      await until(() => worker.stderr.includes('trying to connect again'))
      // Long enough for BullMQ to wait, too.
      await setTimeout(2000)
      if (away === 'for good') {
        await worker.leave()
      } else {
        worker.process.kill('SIGTERM')
        const again = await startRedis(['--port', new URL(first.url).port])
        expect(await worker.code, worker.stderr).toBe(0)
        await again.stop()
      }
      expect(worker.stderr).toContain('Left: 0 runs done')
    },
  )

  test('a report does not tell the password', async () => {
    const path = directoryWith({ 'c.toml': CONFIG })
    const worker = new TestWorker(server.url)
    const { code } = await shared([...SMALL, '--report', 'page.html'], path('.'))
    expect(code).toBe(0)
    const page = readFileSync(path('page.html'), 'utf8')
    expect(page).toContain('--queue redis://127.0.0.1')
    expect(page).not.toContain('secret')
    await worker.leave()
  })
})
