import { RandomStream, RouteSimError } from '@routesim/core'
import { compare, parseConfig } from '@routesim/experiments'
import { expect, test } from 'vitest'

/** A config as a tree, and its text in TOML. */
type Value = string | number | boolean | readonly Value[] | Tree
interface Tree {
  [key: string]: Value
}

const VALID: Tree = {
  simulation: { name: '"x"', seed: 42, warmup_requests: 1 },
  cluster: {
    gpu_type: '"H100"',
    num_backends: 4,
    max_batch_tokens: 512,
    max_num_seqs: 8,
    max_queue_depth: 16,
    chunked_prefill: true,
    prefix_caching: true,
    kv_cache_blocks: 256,
    kv_block_size: 16,
    price_per_hour: 3,
    compute_model: {
      kind: '"piecewise"',
      prefill_tokens_per_sec: 50000,
      decode_tokens_per_sec_batch1: 80,
      decode_throughput_saturation_batch: 64,
      decode_tokens_per_sec_saturated: 3200,
    },
    disaggregated: {
      enabled: true,
      prefill_backends: 1,
      decode_backends: 3,
      kv_transfer_latency_us: 500,
      kv_transfer_bandwidth_gb_s: 50,
      num_layers: 8,
      head_dim: 64,
      num_kv_heads: 4,
    },
  },
  trace: {
    generator: '"poisson"',
    rate: 20,
    duration_sec: 2,
    prompt_tokens_mean: 60,
    prompt_tokens_std: 30,
    gen_tokens_mean: 5,
    gen_tokens_std: 2,
    num_prefixes: 3,
    prefix_len_mean: 20,
    turns_mean: 2,
    think_time_mean_sec: 1,
    max_prompt_tokens: 500,
    session_prompts: '"extend"',
    length_distribution: '"lognormal"',
  },
  algorithms: { prefix_aware: { cache_weight: 0.5, ties: '"first"' } },
}

const STRANGE: readonly Value[] = [
  0,
  -1,
  0.5,
  -0.0,
  '1e9',
  '1e12',
  '1e300',
  '1e-300',
  1_099_511_627_776,
  9_007_199_254_740_991,
  '99999999999999999999',
  'nan',
  'inf',
  '-inf',
  true,
  false,
  '""',
  '"abc"',
  '"5"',
  '"bursty"',
  '"diurnal"',
  '"gamma"',
  '"affine"',
  '"__proto__"',
  '"\\u0000"',
  '1979-05-27',
  [],
  [1],
  {},
  { x: 1 },
]
const KEYS = [
  'constructor',
  '__proto__',
  'toString',
  'cv',
  'burst_rate',
  'path',
  'kind',
  '"a b"',
  'rat',
]

function mutate(tree: Tree, random: RandomStream): void {
  const tables = tablesOf(tree)
  const table = tables[random.integer(tables.length)]!
  const keys = Object.keys(table)
  const key = keys[random.integer(Math.max(keys.length, 1))] ?? 'x'
  const strange = STRANGE[random.integer(STRANGE.length)]!
  const old = table[key]
  switch (random.integer(6)) {
    case 0:
      delete table[key]
      break
    case 1:
      table[KEYS[random.integer(KEYS.length)]!] = strange
      break
    case 2:
      if (typeof old === 'number') table[key] = -old
      break
    case 3:
      if (typeof old === 'number') table[key] = old * [1e3, 1e6, 1e15][random.integer(3)]!
      break
    default:
      table[key] = strange
  }
}

function tablesOf(tree: Tree): Tree[] {
  const inner = Object.values(tree).filter(isTree)
  return [tree, ...inner.flatMap(tablesOf)]
}

function isTree(value: Value): value is Tree {
  return typeof value === 'object' && !Array.isArray(value)
}

function inline(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(inline).join()}]`
  if (!isTree(value)) return String(value)
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key} = ${inline(inner)}`)
    .join(', ')}}`
}

function toToml(tree: Tree, random: RandomStream): string {
  const lines = Object.entries(tree).flatMap(([key, value]) =>
    isTree(value) && random.integer(2) === 0
      ? [`[${key}]`, ...Object.entries(value).map(([k, v]) => `${k} = ${inline(v)}`)]
      : [],
  )
  const flat = Object.entries(tree).filter(([key]) => !lines.includes(`[${key}]`))
  lines.unshift(...flat.map(([key, value]) => `${key} = ${inline(value)}`))
  // Now and then a line is lost, doubled or torn.
  const at = random.integer(lines.length)
  const line = lines[at]!
  const accident = random.integer(12)
  if (accident === 0) lines.splice(at, 1)
  if (accident === 1) lines.splice(at, 0, line)
  if (accident === 2) lines[at] = line.slice(0, random.integer(line.length))
  return lines.join(random.integer(4) === 0 ? '\r\n' : '\n')
}

/** So that no case takes long; what is too much for this test is not a fault. */
function isSmall({ cluster, trace }: ReturnType<typeof parseConfig>): boolean {
  const rates = [trace.rate, trace.burst_rate, trace.base_rate, trace.peak_rate, trace.burst_rate]
  const highest = Math.max(...rates.map((rate) => rate ?? 0))
  const requests = 3 * highest * (trace.duration_sec ?? 300)
  return (
    cluster.num_backends * cluster.kv_cache_blocks < 1e6 &&
    cluster.num_backends * cluster.max_num_seqs < 1e6 &&
    (trace.num_prefixes ?? 0) < 1e5 &&
    (requests < 2000 || requests > 3e8) &&
    (trace.gen_tokens_mean ?? 0) + 3 * (trace.gen_tokens_std ?? 0) < 1e4 &&
    (trace.prompt_tokens_mean ?? 0) < 1e7
  )
}

test('1,200 mutated configs end in a result or in an error that says where', async () => {
  const random = new RandomStream(11, 'config-fuzz')
  const outcomes = new Map<string, number>()
  for (let i = 0; i < 1200; i++) {
    const tree = structuredClone(VALID)
    if (random.integer(2) === 0) delete (tree['cluster'] as Tree)['disaggregated']
    for (let n = random.integer(3); n >= 0; n--) mutate(tree, random)
    const source = toToml(tree, random)
    const outcome = await attempt(source).catch((error: unknown) => {
      expect(error, source).toBeInstanceOf(RouteSimError)
      const { code, message } = error as RouteSimError
      expect(message, source).toMatch(
        /^(fuzz\.toml:\d+:\d+ |fuzz\.toml [a-z]|[a-z_]+(\.[\w" ]+)*: |unknown |warm-up)/,
      )
      expect(message, source).not.toMatch(/undefined|\[object/)
      return code
    })
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  expect(outcomes.get('result')).toBeGreaterThan(200)
  expect(outcomes.get('config_invalid')).toBeGreaterThan(300)
})

async function attempt(source: string): Promise<string> {
  const config = parseConfig(source, 'fuzz.toml')
  if (!isSmall(config)) return 'not run'
  const { results, verdict } = await compare({
    config: { ...config, trace: { ...config.trace, path: undefined } },
    algorithms: ['least_outstanding', 'prefix_aware'],
  })
  expect(verdict.join(' '), source).not.toMatch(/NaN|undefined|Infinity/)
  for (const result of results) {
    const sum = (result.completed_requests as number) + (result.rejected_requests as number)
    expect(sum + (result.unfinished_requests as number), source).toBe(result.total_requests)
    expect(JSON.parse(JSON.stringify(result)), source).toEqual(result)
  }
  return 'result'
}
