import { readFileSync } from 'node:fs'
import { compare, parseConfig } from '@routesim/experiments'
import { generateTrace, readTrace } from '@routesim/traces'
import { expect, test } from 'vitest'
import { directoryWith } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

// What the original RouteSim gets wrong in files and on the command line, each with its right answer.

const otel = (spans: readonly object[]): string =>
  JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
const span = (second: number, attributes: Readonly<Record<string, unknown>>): object => ({
  startTimeUnixNano: `17000000${String(second).padStart(2, '0')}000000000`,
  attributes: Object.entries(attributes).map(([key, value]) => ({ key, value })),
})
const rich =
  '{"ts":0.5,"prompt_tokens":40,"gen_tokens":5,"prefix_hash":"abc","prefix_len":16,"conversation_id":"c1","lora_adapter":"l","priority":3}'
const at = directoryWith({
  'float.jsonl': '{"ts":1.25,"prompt_tokens":10,"gen_tokens":5}\n',
  'otel.json': otel([
    span(1, {
      'gen_ai.usage.input_tokens': { intValue: '700' },
      'gen_ai.usage.output_tokens': { intValue: 20 },
    }),
    span(3, { 'llm.prompt_tokens': { intValue: 300 } }),
  ]),
  'rich.jsonl': `${rich}\n`,
  'mooncake.jsonl': [0, 60_000]
    .map(
      (ms) =>
        `{"timestamp":${ms},"input_length":51200,"output_length":4,"hash_ids":[${Array.from({ length: 100 }, (_, i) => i).join()}]}`,
    )
    .join('\n'),
  'c.toml': '[cluster]\nnum_backends = 1\n',
})

function config(trace: string, cluster = ''): ReturnType<typeof parseConfig> {
  return parseConfig(`[cluster]\nnum_backends = 8\n${cluster}[trace]\n${trace}`)
}

async function shares(trace: string, algorithm: string): Promise<readonly number[]> {
  const { results } = await compare({ config: config(trace), algorithms: [algorithm] })
  return results[0]!.per_backend_requests as readonly number[]
}

test('bursts bring as many requests as their schedule says: about 5,025, not 1,639', () => {
  const counts = [1, 2, 3, 4].map(
    (seed) =>
      generateTrace({ kind: 'bursty', baseRateRps: 0.05, burstRateRps: 50, durationSec: 600, seed })
        .size,
  )
  for (const count of counts) expect(Math.abs(count - 5025)).toBeLessThan(4 * Math.sqrt(5025))
})

test('diurnal traffic of 300 s is not flat', async () => {
  const args = 'gen-trace --generator diurnal --rate 100 --duration 300 -o'.split(' ')
  expect((await inProcess([...args, at('day.jsonl')])).code).toBe(0)
  const { table } = await readTrace(at('day.jsonl'))
  const thirds = [0, 0, 0, 0]
  for (const ms of table.arrivalMs) thirds[Math.floor(ms / 75_000)]!++
  expect(Math.max(...thirds)).toBeGreaterThan(2 * Math.min(...thirds))
})

test('arrivals of gen-trace are Poisson, lengths have the deviation asked for, seeds differ', async () => {
  const args =
    'gen-trace --rate 100 --duration 100 --prompt-mean 500 --prompt-std 200 --seed'.split(' ')
  for (const seed of ['1', '2']) await inProcess([...args, seed, '-o', at(`${seed}.jsonl`)])
  const { table } = await readTrace(at('1.jsonl'))
  const gaps = Array.from(table.arrivalMs.subarray(1), (ms, i) => ms - table.arrivalMs[i]!)
  expect(deviation(gaps) / mean(gaps)).toBeGreaterThan(0.95)
  expect(deviation(gaps) / mean(gaps)).toBeLessThan(1.05)
  expect(Math.abs(deviation([...table.promptTokens]) - 200)).toBeLessThan(10)
  expect(readFileSync(at('1.jsonl'), 'utf8')).not.toBe(readFileSync(at('2.jsonl'), 'utf8'))
})

test('times with fractions, GenAI spans and numbers as numbers are read', async () => {
  expect((await readTrace(at('float.jsonl'))).table.arrivalMs[0]).toBe(1.25)
  const { table, ignored } = await readTrace(at('otel.json'))
  expect([...table.arrivalMs]).toEqual([0, 2000])
  expect([...table.promptTokens]).toEqual([700, 300])
  expect([...table.outputTokens]).toEqual([20, 64])
  expect(ignored).toBe(0)
})

test('convert keeps every field, and a prefix called abc is abc after two round trips', async () => {
  for (const [from, to] of [
    ['rich.jsonl', 'a.jsonl'],
    ['a.jsonl', 'b.jsonl'],
  ] as const) {
    expect((await inProcess(['convert', '-i', at(from), '-o', at(to)])).code).toBe(0)
  }
  expect(JSON.parse(readFileSync(at('b.jsonl'), 'utf8'))).toEqual(JSON.parse(rich))
})

test('an exact repeat of a Mooncake prompt is cached but for its last block', async () => {
  const args = ['run', '-c', at('c.toml'), '-t', at('mooncake.jsonl'), '--format', 'json']
  const { code, stdout } = await inProcess(args)
  expect(code).toBe(0)
  expect(JSON.parse(stdout).token_hit_rate).toBeCloseTo((51_200 - 16) / (2 * 51_200), 3)
})

test('max_min_queue_ratio is measured over the run, not at its end', async () => {
  const traffic = 'rate = 60\nduration_sec = 10\nturns_mean = 4'
  const { results } = await compare({ config: config(traffic), algorithms: ['random'] })
  expect(results[0]!.max_min_queue_ratio).toBeGreaterThan(1)
})

test.each(['least_outstanding', 'prefix_aware'])(
  '%s spreads requests over idle backends instead of sending all to one',
  async (algorithm) => {
    const trace = 'generator = "constant"\nrate = 0.1\nduration_sec = 160\nnum_prefixes = 0'
    const counts = await shares(trace, algorithm)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(16)
    expect(counts.filter((count) => count > 0).length).toBeGreaterThanOrEqual(4)
  },
)

test('session_affinity keeps conversations together, which least_outstanding does not', async () => {
  const traffic = 'rate = 20\nduration_sec = 30\nturns_mean = 5\nthink_time_mean_sec = 2'
  const { results } = await compare({
    config: config(traffic),
    algorithms: ['least_outstanding', 'session_affinity'],
  })
  const [least, affinity] = results.map((result) => result.token_hit_rate as number)
  expect(affinity).toBeGreaterThan(1.5 * least!)
})

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}
