import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { directoryWith, ROOT, routesim } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'
import { ORIGINAL_CONFIGS } from '../testing/original-configs.js'

const MOONCAKE = Array.from({ length: 40 }, (_, i) =>
  JSON.stringify({
    timestamp: i * 100,
    input_length: 1024,
    output_length: 20,
    hash_ids: [i % 4, 100 + i],
  }),
).join('\n')
const at = directoryWith({
  'mooncake.jsonl': MOONCAKE,
  ...Object.fromEntries(
    Object.entries(ORIGINAL_CONFIGS).map(([name, text]) => [`${name}.toml`, text]),
  ),
})
const small = ['-t', at('trace.jsonl')]

test('the workflow of the original works with its own short flags', async () => {
  const generator =
    '--rate 30 --duration 5 --prompt-mean 400 --prompt-std 100 --gen-mean 20 --gen-std 5 --num-prefixes 4 --prefix-len-mean 128 --generator poisson --seed 1'
  const args = ['gen-trace', ...generator.split(' '), '-o', at('trace.jsonl')]
  expect(await routesim(args)).toMatchObject({ code: 0 })
  const config = ['-c', at('default.toml')]
  const run = await routesim(['run', ...config, ...small, '-a', 'prefix_aware', '-o', at('r.json')])
  expect(run).toMatchObject({ code: 0 })
  expect(JSON.parse(readFileSync(at('r.json'), 'utf8'))).toMatchObject({
    algorithm: 'prefix_aware',
  })
  const names = 'round_robin,least_outstanding'
  const compare = await routesim(['compare', ...config, ...small, '-A', names, '-o', at('c.json')])
  expect(compare).toMatchObject({ code: 0 })
  expect(JSON.parse(readFileSync(at('c.json'), 'utf8'))).toHaveLength(2)
  const rates = ['--rates', '5,10', '--duration', '3']
  const sweep = await routesim(['sweep', ...config, '-a', 'least_kv', ...rates, '-o', at('s.json')])
  expect(sweep).toMatchObject({ code: 0 })
  expect(JSON.parse(readFileSync(at('s.json'), 'utf8')).map(({ rate }: never) => rate)).toEqual([
    5, 10,
  ])
  const input = ['-i', at('mooncake.jsonl'), '-f', 'mooncake', '--block-size', '512']
  const convert = await routesim(['convert', ...input, '-o', at('converted.jsonl')])
  expect(convert).toMatchObject({ code: 0 })
  expect(readFileSync(at('converted.jsonl'), 'utf8')).toContain('hash_ids')
})

test.each(Object.keys(ORIGINAL_CONFIGS))(
  'the config %s of the original is accepted',
  async (name) => {
    const trace = name === 'synthetic' ? [] : ['--trace', at('mooncake.jsonl')]
    const format = ['--trace-format', 'mooncake', '--format', 'json']
    const warmup = directoryWith({ 'c.toml': ORIGINAL_CONFIGS[name]!.replace(/warmup.*\n/, '') })
    const args = ['run', '--config', warmup('c.toml'), ...trace]
    const { code, stdout, stderr } = await routesim([
      ...args,
      ...(trace.length > 0 ? format : ['--format', 'json']),
    ])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const result = JSON.parse(stdout)
    expect(result.completed_requests).toBe(result.total_requests)
  },
)

test.each(['H100Sxm', 'H100', 'h100', 'A100Sxm80', 'A100', 'a100', 'L40S', 'l40s', 'B200'])(
  'the GPU %s is what its name says',
  async (gpu) => {
    const config = directoryWith({
      'c.toml': `[cluster]\nnum_backends = 1\ngpu_type = "${gpu}"\n[trace]\nrate = 5\nduration_sec = 2`,
    })
    const { code, stdout } = await inProcess(['run', '-c', config('c.toml')])
    expect(code).toBe(0)
    expect(stdout.toLowerCase()).toContain(`1 x ${gpu.slice(0, 4).toLowerCase()}`)
  },
)

test('list-algorithms names the seven of the original', async () => {
  const { code, stdout } = await routesim(['list-algorithms'])
  expect(code).toBe(0)
  const seven =
    'round_robin least_outstanding least_kv prefix_aware prefix_overlap session_affinity cost_escalation'
  for (const name of seven.split(' ')) expect(stdout).toMatch(new RegExp(`^${name}$`, 'm'))
  const json = JSON.parse((await routesim(['list-algorithms', '--format', 'json'])).stdout)
  expect(json.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(seven.split(' ')),
  )
})

test('list-algorithms NAME lists what has it in its name', async () => {
  const { code, stdout } = await routesim(['list-algorithms', 'dynamo-kv'])
  expect(code).toBe(0)
  expect(stdout.split('\n').filter((line) => /^\S/.test(line))).toEqual(['dynamo_kv'])
  const json = JSON.parse(
    (await routesim(['list-algorithms', 'prefix', '--format', 'json'])).stdout,
  ) as { kind: string; name: string }[]
  expect(json.map(({ name }) => name)).toContain('longest_prefix_match')
  expect(json.every(({ name }) => name.includes('prefix'))).toBe(true)
  const unknown = await routesim(['list-algorithms', 'dinamo_kv'])
  expect(unknown.code).toBe(2)
  expect(unknown.stderr).toContain(
    'no algorithm has "dinamo_kv" in its name; did you mean "dynamo_kv"?',
  )
})

test('list-algorithms names the local policies', async () => {
  const { stdout } = await routesim(['list-algorithms'])
  expect(stdout).toMatch(/^longest_prefix_match$/m)
  const json: { name: string; kind: string }[] = JSON.parse(
    (await routesim(['list-algorithms', '--format', 'json'])).stdout,
  )
  const policies = json.filter(({ kind }) => kind === 'local').map(({ name }) => name)
  expect(policies).toEqual(expect.arrayContaining(['fcfs', 'hrrn', 'max_on_time']))
})

test('list-models and list-gpus print a row each, and records as JSON', async () => {
  const models = await routesim(['list-models'])
  expect(models.stdout).toMatch(/^Llama-3.1-70B +70\.6 +70\.6 +bf16 +141\.1 +327680 +-$/m)
  expect(models.stdout).toMatch(/^gpt-oss-120b +116\.8 +5\.7 +mxfp4 /m)
  // What requests keep in its linear layers, however long they are.
  expect(models.stdout).toMatch(/^Qwen3\.5-35B-A3B .* 20480 +64\.4$/m)
  for (const line of models.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  const gpus = await routesim(['list-gpus'])
  expect(gpus.stdout).toMatch(/^H100 SXM +80 +3350 +989\.5 +1979 +- +NVLink 4 +3\.50$/m)
  for (const command of ['list-models', 'list-gpus']) {
    const { code, stdout } = await routesim([command, '--format', 'json'])
    expect(code).toBe(0)
    for (const record of JSON.parse(stdout)) expect(record.source).toBeTruthy()
  }
})

test('help and version are found however they are asked for', async () => {
  const [h, help, word] = await Promise.all([
    routesim(['-h']),
    routesim(['--help']),
    routesim(['help']),
  ])
  expect(h).toEqual({ code: 0, stdout: help.stdout, stderr: '' })
  expect(word).toEqual(h)
  expect(h.stdout).toContain('gen-trace')
  const [of, flag] = await Promise.all([routesim(['help', 'run']), routesim(['run', '-h'])])
  expect(of).toEqual(flag)
  expect(of.stdout).toContain('--trace-format')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'packages/cli/package.json'), 'utf8'))
  for (const args of ['-V', '--version']) {
    expect(await routesim([args])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  }
})

test('gen-trace --num-prefixes 0 makes prompts that share nothing', async () => {
  const { code, stdout } = await routesim(
    'gen-trace --num-prefixes 0 --duration 1 --rate 20 -o -'.split(' '),
  )
  expect(code).toBe(0)
  expect(stdout).not.toContain('prefix')
  expect(stdout.trim().split('\n').length).toBeGreaterThan(5)
})
