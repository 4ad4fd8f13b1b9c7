import { expect, test } from 'vitest'
import { BIN, command, directoryWith, routesim } from '../testing/command.js'

const traffic = (durationSec: number) => `
[cluster]
num_backends = 16
[trace]
rate = 200
duration_sec = ${durationSec}
gen_tokens_mean = 40
`
const at = directoryWith({
  'short.toml': traffic(500),
  'long.toml': traffic(2500),
  'talk.toml': `${traffic(10)}turns_mean = 3\n`,
})

const PEAK = `process.on('exit', () => {
  const status = process.getBuiltinModule('node:fs').readFileSync('/proc/self/status', 'utf8')
  console.error(/VmHWM:.*/.exec(status)[0])
})`

/** Peak memory of a run, in MB. */
async function peakMb(config: string): Promise<number> {
  const preload = `data:text/javascript,${encodeURIComponent(PEAK)}`
  const args = ['run', '-c', at(config), '--no-per-request', '--format', 'json']
  const { code, stderr } = await command(process.execPath, ['--import', preload, BIN, ...args])
  expect(code, stderr).toBe(0)
  return Number(/VmHWM:\s+(\d+)/.exec(stderr)![1]) / 1024
}

test.skipIf(process.platform !== 'linux')(
  'the memory of a run without per-request results does not grow with its requests (needs Linux)',
  async () => {
    const [short, long] = [await peakMb('short.toml'), await peakMb('long.toml')]
    // 400,000 requests more: 100 bytes each would be 40 MB.
    expect(long - short).toBeLessThan(15)
  },
)

test('--no-per-request gives the counts of a run with them', async () => {
  const args = ['run', '-c', at('short.toml'), '--format', 'json']
  const [kept, streamed] = await Promise.all([
    routesim(args),
    routesim([...args, '--no-per-request']),
  ])
  const [one, other] = [kept, streamed].map(({ stdout }) => JSON.parse(stdout))
  expect(other.completed_requests).toBe(one.completed_requests)
  expect(other.per_backend_requests).toEqual(one.per_backend_requests)
  expect(Math.abs(other.ttft.p99 / one.ttft.p99 - 1)).toBeLessThan(0.005)
})

test('conversations are told to need per-request results', async () => {
  const { code, stderr } = await routesim(['run', '-c', at('talk.toml'), '--no-per-request'])
  expect(code).toBe(1)
  expect(stderr).toBe(
    'error: trace.turns_mean: expected no conversations in a run that keeps nothing per request, got some of them\nRun it with per-request results.\n',
  )
})
