import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { directoryWith, ROOT, routesim } from '../testing/command.js'

const TRACE = join(ROOT, '../shared/traces/mooncake/conversation_trace.jsonl.gz')
const isMissing = !existsSync(TRACE)

/** 60 requests whose prompts differ in length. */
const SMALL_TRACE = Array.from({ length: 60 }, (_, i) =>
  JSON.stringify({
    timestamp: i,
    input_length: 500 + ((i * 7919) % 4000),
    output_length: 20 + (i % 30),
    hash_ids: [i],
  }),
).join('\n')

const INSTANCE = { hardware: 'NVIDIA_A100_80G', tp_size: 4 }

const LAST_ROUTER = `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({
  name: 'last',
  description: 'Sends to the last backend.',
  create: () => ({ route: (_request, cluster) => cluster.backends.at(-1) }),
})`

function files(): ReturnType<typeof directoryWith> {
  return directoryWith({
    'trace.jsonl': SMALL_TRACE,
    'prefill.json': JSON.stringify([INSTANCE, { ...INSTANCE, hardware: 'NVIDIA_H100_SXM' }]),
    'decode.json': JSON.stringify([INSTANCE]),
    'last.mjs': LAST_ROUTER,
    'typo.json': JSON.stringify([{ hardware: 'NVIDIA_A100_80G', tp: 4, max_num_seq: 1 }]),
  })
}

const SMALL = ['--trace_path', 'trace.jsonl', '--prefill_config', 'prefill.json']

test.skipIf(isMissing)(
  `the command line of the original's README on the published trace${isMissing ? ' (skipped: ../shared has no traces)' : ''}`,
  async () => {
    const words = `serving-sim --lambda_arrival 1.66 --prefill_global lowest_load
      --prefill_local shortest --decode_global round_robin --decode_local fcfs
      --request_source mooncake --seed 2025 --ttft_slo 10.0 --tpot_slo 0.5
      --sample_memory_usage --sample_rate 1.0 --queue_states_output queue_states.csv
      --n_jobs 10 --checkpoint_path results.pkl --resume --format json`
    const args = [...words.split(/\s+/), '--trace_path', TRACE]
    const path = files()
    const first = await routesim(args, { cwd: path('') })
    expect(first.code).toBe(0)
    const again = await routesim(args, { cwd: files()('') })
    expect(again.stdout).toBe(first.stdout)
    const [result] = JSON.parse(first.stdout)
    expect(result.completed_requests + result.rejected_requests).toBe(12_031)
    expect(result.completed_requests).toBeGreaterThan(11_500)
    expect(result.algorithm).toBe('lowest_load+round_robin')
    const usage = readFileSync(path('memory_usage.csv'), 'utf8').trimEnd().split('\r\n')
    expect(usage[0]).toBe('timestamp,instance_id,instance_group,memory_usage')
    // Looks are bounded, however long the run is.
    expect(usage.length).toBeGreaterThan(4 * 2000)
    expect(usage.length).toBeLessThan(4 * 4097 + 1)
    const resumed = await routesim(args, { cwd: path('') })
    expect(resumed.stdout).toBe(first.stdout)
    expect(resumed.stderr).toContain('1 of 1 are from the checkpoint, of which nothing is sampled')
  },
)

test('combinations have a row each, files of their own, and are the same on two threads', async () => {
  const path = files()
  const cwd = path('')
  const args = ['serving-sim', ...SMALL, '--decode_config', 'decode.json', '--format', 'json']
  const lists = ['--lambda_arrival', '1', '4', '--prefill_local', 'fcfs', 'milp,hrrn']
  const sampled = [
    '--sample_queue_states',
    '--sample_rate',
    '1',
    '--request_states_output',
    's.csv',
  ]
  const one = await routesim([...args, ...lists, ...sampled, '--csv_output', 'r.csv'], { cwd })
  expect(one.code).toBe(0)
  const two = await routesim([...args, ...lists, '--n_jobs', '2'], { cwd })
  expect(two.stdout).toBe(one.stdout)
  const rows = readFileSync(path('r.csv'), 'utf8').trimEnd().split('\r\n')
  expect(rows.length).toBe(1 + 6)
  expect(rows[0]).toContain('uuid,prefill_global,prefill_local,decode_global,decode_local,ttft_slo')
  expect(rows[6]).toContain('lowest_load-hrrn-lowest_load-fcfs-4,')
  for (const name of ['queue_states.csv', 'queue_states.6.csv']) {
    const [head] = readFileSync(path(name), 'utf8').split('\r\n')
    expect(head).toBe('timestamp,instance_id,instance_group,indices,input_lengths,deadlines')
  }
  const states = readFileSync(path('s.6.csv'), 'utf8').trimEnd().split('\r\n')
  expect(states.length).toBe(1 + 60)
})

test('requests that are drawn, and a router from a file', async () => {
  const cwd = files()('')
  const drawn = ['--request_count', '50', '--model_id', 'meta-llama/Llama-3.1-8B']
  for (const source of ['zipfian', 'lognormal']) {
    const args = ['serving-sim', '--request_source', source, ...drawn, '--format', 'json']
    const { code, stdout } = await routesim([...args, '--prefill_global', './last.mjs'], { cwd })
    expect(code).toBe(0)
    const [result] = JSON.parse(stdout)
    expect(result.total_requests).toBe(50)
    expect(result.per_backend_requests.slice(0, 4)).toEqual([0, 0, 0, 50])
  }
})

test('flags of other sources and of samples that nobody takes are told of, and nothing else', async () => {
  const cwd = files()('')
  const notes = async (words: string): Promise<string[]> => {
    const args = ['serving-sim', '--model_id', 'Llama-3.1-8B', ...words.split(' ')]
    const { code, stderr } = await routesim(args, { cwd })
    expect(code).toBe(0)
    return stderr.split('\n').filter((line) => line.startsWith('note: '))
  }
  expect(await notes('--trace_path trace.jsonl --zipf_s 3 --lognormal_mean=8')).toEqual([
    'note: --zipf_s has no effect without --request_source zipfian',
    'note: --lognormal_mean has no effect without --request_source lognormal',
  ])
  expect(await notes('--request_source lognormal --request_count 5 --trace_path none')).toEqual([
    'note: --trace_path has no effect without --request_source mooncake',
  ])
  const drawn = '--request_source zipfian --zipf_s 3 --request_count 5'
  expect(await notes(`${drawn} --queue_states_output q.csv --sample_rate 1`)).toEqual([
    'note: --queue_states_output has no effect without --sample_queue_states',
    'note: --sample_rate has no effect without --sample_queue_states or --sample_memory_usage',
  ])
  expect(await notes(`${drawn} --sample_memory_usage --sample_rate 1`)).toEqual([])
})

test.each([
  [['--prefill_global', 'lowst_load'], 2, 'unknown router "lowst_load"'],
  [['--prefill_local', 'milpp'], 2, 'unknown local policy "milpp"'],
  [['--lambda_arrival', '0'], 2, '--lambda_arrival: expected numbers > 0, got 0'],
  [['--lambda_arrival', '--n_jobs', '1'], 2, '--lambda_arrival: expected a value, got none'],
  [['--ttft_slo', '10s'], 2, '--ttft_slo: expected numbers > 0, got 10s'],
  [['--sample_rate', '1.5'], 2, '--sample_rate: expected a number > 0 and <= 1, got 1.5'],
  [['--resume'], 2, '--resume: expected --checkpoint_path FILE with it, got none'],
  [['--checkpoint_path', 'trace.jsonl'], 1, 'trace.jsonl: exists already'],
  [['--checkpoint_path', '.'], 1, '.: expected a result log (JSON lines), got a directory'],
  [['--decode_config', 'nowhere.json'], 1, 'nowhere.json: no such file'],
  [['--decode_config', 'typo.json'], 1, 'max_num_seq: unknown key; did you mean "max_num_seqs"?'],
  [['--decode_config', 'trace.jsonl'], 1, 'trace.jsonl: expected JSON'],
  [['--model_id', 'openai/gpt-5'], 1, 'unknown model "gpt-5"'],
  [
    ['--trace_path', 'traces/conversation_trace.jsonl'],
    2,
    '--trace_path: expected a trace, got none, and there is no traces/conversation_trace.jsonl here',
  ],
  [['--queue_state_output', 'x'], 2, 'did you mean --queue_states_output?'],
])('%j is refused with a reason', async (wrong, exitCode, message) => {
  const cwd = files()('')
  const { code, stderr, stdout } = await routesim(['serving-sim', ...SMALL, ...wrong], { cwd })
  expect(stderr).toContain(message)
  expect(code).toBe(exitCode)
  expect(stdout).toBe('')
})

test('a checkpoint of the original is told from ours', async () => {
  const path = directoryWith({
    'trace.jsonl': SMALL_TRACE,
    'results.pkl': Uint8Array.of(0x80, 4, 0x95, 10),
  })
  const args = ['--trace_path', 'trace.jsonl', '--checkpoint_path', 'results.pkl', '--resume']
  const { code, stderr } = await routesim(['serving-sim', ...args], { cwd: path('') })
  expect(code).toBe(1)
  expect(stderr).toContain('results.pkl: expected a result log (JSON lines), got a Python pickle')
  expect(readFileSync(path('results.pkl')).length).toBe(4)
})
