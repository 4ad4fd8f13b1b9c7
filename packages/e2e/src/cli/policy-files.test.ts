import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'

/** The length of a prompt times a sign: with 1, the built-in policy shortest. */
const BY_LENGTH = `import { defineLocalPolicy } from '@routesim/algorithms'
export default defineLocalPolicy({
  name: 'by_length',
  description: 'By length.',
  parameters: { sign: { default: -1, description: 'Of the length.' } },
  create: ({ sign }) => ({ rank: (request) => sign * request.promptTokens }),
})`

const toml = (scheduling: string): string => `
[cluster]
num_backends = 1
max_num_seqs = 2
scheduling = "${scheduling}"
[trace]
rate = 40
duration_sec = 10
`
const at = directoryWith({
  'by-length.ts': BY_LENGTH,
  'plain.mjs': BY_LENGTH,
  'own.toml': toml('./by-length.ts:sign=1'),
  'built-in.toml': toml('shortest'),
  'plain.toml': toml('./plain.mjs'),
  'gone.toml': toml('./gone.ts'),
  'wrong.toml': toml('./by-length.ts:sing=1'),
  'syntax.toml': toml('./syntax.ts'),
  'syntax.ts': 'export default {{',
  'throws.toml': toml('./throws.mjs'),
  'throws.mjs': 'throw new Error("kaboom")',
  'creates.toml': toml('./creates.mjs'),
  'creates.mjs': BY_LENGTH.replace(
    '({ rank',
    '{ throw new Error("kaboom") }, other: () => ({ rank',
  ),
  'ranks.toml': toml('./ranks.mjs'),
  'ranks.mjs': BY_LENGTH.replace('sign * request.promptTokens', 'String(request.promptTokens)'),
  'nothing.toml': toml('./nothing.ts'),
  'nothing.ts': 'export const x = 1',
})

async function ttft(words: readonly string[], cwd?: string): Promise<unknown> {
  const { code, stdout, stderr } = await routesim(['run', ...words, '--format', 'json'], {
    ...(cwd !== undefined && { cwd }),
  })
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout).ttft
}

test('a local policy of one file beside the config orders queues as the built-in one of its rule', async () => {
  const shortest = await ttft(['-c', at('built-in.toml')])
  expect(await ttft(['-c', at('own.toml')])).toEqual(shortest)
  expect(await ttft(['-c', 'plain.toml'], at('.'))).not.toEqual(shortest)
})

test('worker threads load it too, and a result log knows its content', async () => {
  const cwd = directoryWith({ 'by-length.ts': BY_LENGTH, 'own.toml': toml('./by-length.ts') })('.')
  const sweep = ['sweep', '-c', 'own.toml', '--seeds', '4', '-a', 'random', '--log', 'log.jsonl']
  const first = await routesim([...sweep, '--jobs', '2', '--format', 'json'], { cwd })
  expect(first.code, first.stderr).toBe(0)
  const again = await routesim([...sweep, '--resume', '--format', 'json'], { cwd })
  expect(again.stdout).toBe(first.stdout)
  const before = readFileSync(`${cwd}/log.jsonl`, 'utf8')
  writeFileSync(`${cwd}/by-length.ts`, BY_LENGTH.replace('default: -1', 'default: 1'))
  const other = await routesim([...sweep, '--resume', '--format', 'json'], { cwd })
  expect(other.code).toBe(1)
  expect(other.stderr).toContain('log.jsonl: has random, seed 42 of another trace, config')
  expect(readFileSync(`${cwd}/log.jsonl`, 'utf8')).toBe(before)
})

test.each([
  ['gone', 'cluster.scheduling: ./gone.ts: no such file'],
  ['wrong', 'sing: unknown parameter'],
  ['syntax', 'syntax.ts: can not be loaded'],
  ['throws', 'throws.mjs: can not be loaded: kaboom'],
  ['nothing', 'expected one exported local policy made with defineLocalPolicy, got 0'],
])('%s.toml is refused', async (name, message) => {
  const { code, stderr } = await routesim(['run', '-c', at(`${name}.toml`)])
  expect(code).toBe(1)
  expect(stderr).toContain(`${name}.toml`)
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('    at ')
})

test.each([
  ['creates', 'local policy "by_length" threw in create(): Error: kaboom'],
  ['ranks', 'local policy "by_length": rank() of request 0: expected a number, got "'],
])('a policy at fault is named: %s.toml', async (name, message) => {
  const { code, stdout, stderr } = await routesim(['run', '-c', at(`${name}.toml`)])
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('unexpected error')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
})

test('the serving simulator finds policies and models by name in a folder', async () => {
  const files = directoryWith({})
  const folder = files('own')
  mkdirSync(folder)
  writeFileSync(`${folder}/by_length.ts`, BY_LENGTH)
  writeFileSync(
    `${folder}/last.mjs`,
    `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'last', description: 'The last.', create: () => ({ route: (_, { backends }) => backends.at(-1) }) })`,
  )
  writeFileSync(
    `${folder}/tiny.json`,
    JSON.stringify({
      ...{
        model_type: 'llama',
        architectures: ['LlamaForCausalLM'],
        max_position_embeddings: 65536,
      },
      ...{ hidden_size: 1024, intermediate_size: 4096, num_hidden_layers: 8, vocab_size: 32000 },
      ...{ num_attention_heads: 16, num_key_value_heads: 4, torch_dtype: 'bfloat16' },
    }),
  )
  const words = ['serving-sim', '--request_source', 'lognormal', '--request_count', '300']
  const run = async (...more: string[]): Promise<Record<string, unknown>[]> => {
    const args = [...words, '--lognormal_mean', '7', ...more, '--format', 'json']
    const { code, stdout, stderr } = await routesim(args)
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout)
  }
  const own = ['--extensions', folder, '--model_id', 'tiny', '--lambda_arrival', '400']
  const [first] = await run(
    ...own,
    '--prefill_local',
    'by-length:sign=1',
    '--prefill_global',
    'last',
  )
  const [second] = await run(...own, '--prefill_local', 'shortest', '--prefill_global', 'last')
  expect(first!['ttft']).toEqual(second!['ttft'])
  expect((first!['per_backend_requests'] as number[]).slice(0, 4)).toEqual([0, 0, 0, 300])
  const missing = await routesim([...words, '--extensions', `${folder}/none`])
  expect(missing.code).toBe(2)
  expect(missing.stderr).toContain('--extensions: expected a folder')
})

test('two algorithms for two pools, on the command line', async () => {
  const config = directoryWith({
    'pd.toml': `[cluster]\nnum_backends = 4
[cluster.disaggregated]\nenabled = true\nprefill_backends = 2\ndecode_backends = 2\ndecode_decision = "hand_over"
[trace]\nrate = 20\nduration_sec = 5`,
    'last.mjs': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'last', description: 'The last.', create: () => ({ route: (_, { backends }) => backends.at(-1) }) })`,
  })
  const args = [
    'compare',
    '-c',
    config('pd.toml'),
    '-A',
    'least_outstanding+round_robin,round_robin',
  ]
  const plain = await routesim([...args, '--format', 'json'])
  const names = JSON.parse(plain.stdout).map(({ algorithm }: { algorithm: string }) => algorithm)
  expect(names).toEqual(['least_outstanding+round_robin', 'round_robin'])
  const own = await routesim(
    ['run', '-c', config('pd.toml'), '-a', './last.mjs+round_robin', '--format', 'json'],
    { cwd: config('.') },
  )
  expect(JSON.parse(own.stdout)).toMatchObject({ algorithm: 'last+round_robin' })
  expect(JSON.parse(own.stdout).per_backend_requests[0]).toBe(0)
  const alone = await routesim(['run', '-c', at('built-in.toml'), '-a', 'round_robin+random'])
  expect(alone.code).toBe(2)
  expect(alone.stderr).toContain('expected a disaggregated cluster for the pair')
})
