import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { run } from '../run/run.js'
import { aiperfProfile } from './aiperf-profile.js'

test('all latencies are of the requests that are counted, not of those that timed out', async () => {
  const config = parseConfig(`
[cluster]
num_backends = 3
max_queue_depth = 4
max_num_seqs = 8
[client]
timeout_ms = 4500
[trace]
rate = 6
duration_sec = 60
prompt_tokens_mean = 2000
gen_tokens_mean = 200
`)
  const { result } = await run({ config, algorithm: 'least_outstanding' })
  const place = { key: 'k', row: 'r', version: '1', run: 0, runs: 1, settings: {}, rate: null }
  const name = { algorithm: 'least_outstanding', seed: 42, status: 'ok' } as const
  const { json, csv } = aiperfProfile({ ...place, ...name, result: result as never })
  const { ttft, ttft_of_completed: completed } = result as unknown as Record<
    string,
    { count: number; mean: number }
  >
  expect(ttft!.count).toBeGreaterThan(completed!.count + 10)
  expect(json).toMatchObject({
    request_count: { avg: completed!.count },
    time_to_first_token: { unit: 'ms', avg: completed!.mean },
  })
  expect(csv).toContain(`\r\nRequest Count,${completed!.count}\r\n`)
  expect(csv).toContain(`Time to First Token (ms),${completed!.mean},`)
  // What a log of an older version does not tell is left out.
  const { ttft_of_completed: _, ...older } = result as never as Record<string, unknown>
  const before = aiperfProfile({ ...place, ...name, result: older as never })
  expect(Object.keys(before.json)).not.toContain('time_to_first_token')
  expect(Object.keys(before.json)).toContain('request_latency')
})
