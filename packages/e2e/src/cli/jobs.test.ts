import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { directoryWith, type Outcome, routesim } from '../testing/command.js'

const at = directoryWith({
  'c.toml': `
[cluster]
num_backends = 3
[trace]
rate = 60
duration_sec = 20
gen_tokens_mean = 30
`,
  'pools.toml': `
[simulation]
warmup_requests = 50
[cluster]
num_backends = 3
kv_cache_blocks = 400
[cluster.disaggregated]
enabled = true
prefill_backends = 1
decode_backends = 2
[trace]
rate = 20
duration_sec = 20
turns_mean = 3
`,
  'long.toml': '[cluster]\nnum_backends = 8\n[trace]\nrate = 400\nduration_sec = 600',
  'typed.ts': `import { type ClusterView, RouteSimError, type RequestView } from '@routesim/core'
import { defineRouter } from '@routesim/algorithms'
export default defineRouter({
  name: 'last',
  description: 'Sends to the last backends.',
  parameters: { back: { default: 1, description: 'How far from the end.', min: 1, max: 2 } },
  create: ({ back }) => ({ route: (_: RequestView, { backends }: ClusterView) => backends.at(-back)! }),
})
`,
  'boom.js': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({
  name: 'boom',
  description: '',
  create: () => ({ route() { throw new TypeError('kaboom') } }),
})
`,
  'leaves.js': `import { isMainThread } from 'node:worker_threads'
import { defineRouter } from '@routesim/algorithms'
export default defineRouter({
  name: 'leaves',
  description: '',
  create: () => ({ route: (_, { backends }) => (isMainThread ? backends[0] : process.exit(7)) }),
})
`,
})

const onWorkers = (args: readonly string[], ...jobs: readonly number[]): Promise<Outcome[]> =>
  Promise.all(jobs.map((n) => routesim([...args, '--jobs', String(n)], { cwd: at('.') })))

test.each([
  ['compare', '-c', 'c.toml', '-A', 'round_robin,random,./typed.ts:back=2,prefix_overlap'],
  ['compare', '-c', 'pools.toml', '--seeds', '2'],
  ['sweep', '-c', 'c.toml', '--rates', '5,40,20', '-a', 'least_kv,./typed.ts'],
  ['sweep', '-c', 'pools.toml', '--rates', '10,30', '--stepper', 'reference'],
  ['run', '-c', 'c.toml', '--seeds', '4', '-a', 'power_of_two'],
])('the same bytes on 1, 2 and 3 workers: %s %s %s %s %s', async (...args) => {
  const [one, two, three] = await onWorkers([...args, '--format', 'json'], 1, 2, 3)
  expect(one!.stdout.length).toBeGreaterThan(1000)
  expect(withoutProgress(two!)).toEqual(withoutProgress(one!))
  expect(withoutProgress(three!)).toEqual(withoutProgress(one!))
})

/** A progress bar is redrawn by the clock: what it had last said depends on the machine. */
function withoutProgress<Told extends { readonly stderr: string }>(told: Told): Told {
  return { ...told, stderr: told.stderr.replaceAll(/^[█░]+ .*\n/gm, '') }
}

test('an error in a worker is told as it is without', async () => {
  const args = ['compare', '-c', 'c.toml', '-A', 'round_robin,./boom.js']
  const [one, two] = await onWorkers(args, 1, 2)
  expect(one!.code).toBe(1)
  expect(one!.stderr).toContain('router "boom" threw in route() for request 0: TypeError: kaboom')
  expect(withoutProgress(two!)).toEqual(withoutProgress(one!))
})

test('a worker that ends by itself is told, and what to try', async () => {
  const args = ['compare', '-c', 'c.toml', '-A', './leaves.js,random']
  const [one, two] = await onWorkers(args, 1, 2)
  expect(one!.code).toBe(0)
  expect(two!.code).toBe(1)
  expect(two!.stderr).toMatch(/a worker thread stopped: it ended with code 7\nWith --jobs 1/)
})

test.each(['0', '1.5', '5000'])('--jobs %s is refused', async (jobs) => {
  const { code, stderr } = await routesim(['run', '-c', at('c.toml'), '--jobs', jobs])
  expect(code).toBe(2)
  expect(stderr).toContain(`--jobs: expected an integer from 1 to 1024, got ${jobs}`)
})

test('Ctrl-C ends the workers at once and prints what is finished', async () => {
  let threads = 0
  let isSent = false
  const rates = Array.from({ length: 40 }, (_, i) => (i === 0 ? 1 : 400 + i)).join()
  const { code, stdout, stderr } = await routesim(
    ['sweep', '-c', at('long.toml'), '--rates', rates, '--jobs', '2', '--log', at('log.jsonl')],
    {
      onStderr: (child, text) => {
        if (isSent || !/[1-9]\d*\/40 runs/.test(text)) return
        threads = threadsOf(child.pid!)
        isSent = true
        child.kill('SIGINT')
      },
    },
  )
  expect(isSent).toBe(true)
  expect(code, stderr).toBe(130)
  expect(stderr).toMatch(/ 0\/40 runs/)
  expect(stderr).toMatch(
    /Stopping[\s\S]+Stopped with results of \d+ of 40\.\nThe same command with --resume does the others\.\n$/,
  )
  expect(stdout).toMatch(/round_robin/)
  if (process.platform === 'linux') expect(threads).toBeGreaterThan(8)
})

/** Threads of a process; 0 where the system does not tell. */
function threadsOf(pid: number): number {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/task`).length : 0
}
