import { RouteSimError } from '@routesim/core'
import { ENGINES } from '@routesim/hardware'
import { expect, test } from 'vitest'
import { clientOptions } from './client-schema.js'
import { backendEvents } from './events-schema.js'
import { parseConfig } from './parse-config.js'
import { sloOptions } from './slo-schema.js'

function complaint(source: string): string {
  try {
    parseConfig(source, 'bench.toml')
  } catch (error) {
    if (error instanceof RouteSimError) return error.message
    throw error
  }
  return 'accepted'
}

test.each([
  [
    '[cluster]\nnum_backends = 0',
    'bench.toml:2:1 cluster.num_backends: expected an integer >= 1, got 0',
  ],
  [
    '[cluster]\nnum_backends = 2\n[client]\nretries = 300',
    'bench.toml:4:1 client.retries: expected an integer from 0 to 255, got 300',
  ],
  [
    '[cluster]\nnum_backends = 2\n[client]\ntimeout = 300',
    'bench.toml:4:1 client.timeout: unknown key; did you mean "timeout_ms"?',
  ],
  [
    '[cluster]\nnum_backends = 2\n[[events]]\nat_sec = 1\nkind = "fale"\nbackend = 0',
    'bench.toml:5:1 events.0.kind: expected one of "fail", "recover", "drain", "slow", "add", "remove", got "fale"',
  ],
  [
    '[cluster]\nnum_backends = 2\n[[events]]\nat_sec = 1\nkind = "fail"\nbackend = 2',
    'bench.toml:6:1 events.0.backend: expected the id of a backend, 0 to 1, got 2',
  ],
  [
    '[cluster]\nnum_backends = 2\n[[events]]\nat_sec = 1\nkind = "slow"\nbackend = 0',
    'bench.toml:3:3 events.0.factor: expected a number > 0 with slow, got nothing',
  ],
  [
    '[cluster]\nnum_backends = 2\n[[events]]\nat_sec = 1\nkind = "fail"\nbackend = 0\nfactor = 2',
    'bench.toml:7:1 events.0.factor: expected nothing with fail, got 2',
  ],
  [
    '[cluster]\nnum_backends = 2\n[[events]]\nat_sec = 9\nkind = "recover"\nbackend = 1\n[[events]]\nat_sec = 10\nkind = "fail"\nbackend = 1',
    'bench.toml:3:3 events.0: expected backend 1 to be down or draining when it is to recover, got up',
  ],
  [
    '[cluster]\nnum_backends = 2\n[events]\nat_sec = 1',
    'bench.toml:3:2 events: expected tables [[events]], got a table',
  ],
  [
    '[cluster]\nnum_backends = 2\nmax_batch_tokenz = 5',
    'bench.toml:3:1 cluster.max_batch_tokenz: unknown key; did you mean "max_batch_tokens"?',
  ],
  [
    '[cluster]\nnum_backends = "4"',
    'bench.toml:2:1 cluster.num_backends: expected an integer >= 1, got "4"',
  ],
  ['[cluster]', 'bench.toml:1:2 cluster.num_backends: expected an integer >= 1, got nothing'],
  [
    '[cluster]\nnum_backends = 4\nmax_model_len = 0',
    'bench.toml:3:1 cluster.max_model_len: expected an integer >= 1, got 0',
  ],
  [
    '[cluster]\nnum_backends = 4\nmax_model_len = "32k"',
    'bench.toml:3:1 cluster.max_model_len: expected an integer >= 1, got "32k"',
  ],
  [
    '[cluster]\nnum_backends = 4\nmax_model_length = 4096',
    'bench.toml:3:1 cluster.max_model_length: unknown key; did you mean "max_model_len"?',
  ],
  [
    '[cluster]\nnum_backends = 4\nkv_block_size = 0',
    'bench.toml:3:1 cluster.kv_block_size: expected an integer >= 1, got 0',
  ],
  [
    '[cluster]\nnum_backends = 4\ncompute_model = { kind = "afine" }',
    'bench.toml:3:19 cluster.compute_model.kind: expected "piecewise", "affine", "profile", "roofline", "table" or "mocker", got "afine"',
  ],
  [
    '[cluster]\nnum_backends = 4\n[cluster.compute_model]\nkind = "affine"\nbase_ms = 1\nprefill_ms_per_tokn = 3\nprefill_ms_per_token = 1\ndecode_ms_per_request = 1',
    'bench.toml:6:1 cluster.compute_model.prefill_ms_per_tokn: unknown key; did you mean "prefill_ms_per_token"?',
  ],
  ['x = ', 'bench.toml:1:5 not valid TOML: invalid value'],
  [
    'simulation = 3\n[cluster]\nnum_backends = 4',
    'bench.toml:1:1 simulation: expected a table, got 3',
  ],
  [
    '[cluster]\nnum_backends = 4\ndisaggregated = { enabled = true, prefill_backends = 1, decode_backends = 2 }',
    'bench.toml:3:1 cluster.disaggregated: expected prefill_backends and decode_backends >= 1 that add up to cluster.num_backends = 4, got 1 + 2',
  ],
  [
    '[cluster]\nnum_backends = 4\n[algorithms]\nprefix_aware = 3',
    'bench.toml:4:1 algorithms.prefix_aware: expected a table of parameters, got 3',
  ],
])('%j is refused: %s', (source, message) => {
  expect(complaint(source)).toBe(message)
})

test('several faults are all told', () => {
  expect(complaint('[cluster]\nnum_backends = 0\nkv_block_size = 0').split('\n')).toHaveLength(2)
})

test('a minimal config gets every default', () => {
  const { cluster, simulation } = parseConfig('[cluster]\nnum_backends = 4')
  expect(simulation).toEqual({ name: 'simulation', seed: 42, warmup_requests: 0 })
  expect(cluster).toMatchObject({
    gpu_type: 'H100Sxm',
    max_batch_tokens: 16384,
    max_num_seqs: 256,
    max_queue_depth: 256,
    chunked_prefill: true,
    kv_cache_blocks: 32768,
    kv_block_size: 16,
    compute_model: { kind: 'piecewise', prefill_tokens_per_sec: 50000 },
    disaggregated: { enabled: false },
  })
})

test.each([
  ['num_backends = 1e9', 'bench.toml:2:1 cluster.num_backends: expected an integer from 1 to 4096'],
  [
    'num_backends = 1\nkv_cache_blocks = 1099511627776',
    'bench.toml:3:1 cluster.kv_cache_blocks: expected an integer from 1 to 1073741824',
  ],
  [
    'num_backends = 1\ncompute_model = { prefill_tokens_per_sec = 1e-300 }',
    'bench.toml:3:19 cluster.compute_model.prefill_tokens_per_sec: expected a number from 1e-9 to',
  ],
])('what would not fit into memory or float64 is refused: %j', (lines, message) => {
  expect(complaint(`[cluster]\n${lines}`)).toContain(message)
})

test('a value that fails several checks is named once', () => {
  const message = complaint(
    '[cluster]\nnum_backends = 1\n[workload]\nrequests = 5\nprompt_tokens = "many"\noutput_tokens = 1\narrivals.rate_rps = -1',
  )
  expect(message.split('\n')).toEqual([
    'bench.toml:7:1 workload.arrivals.rate_rps: expected a number > 0, got -1',
    'bench.toml:5:1 workload.prompt_tokens: expected a number or a table, got "many"',
  ])
})

test('targets for all, for tenants and for classes', () => {
  const { slo } = parseConfig(`
[cluster]
num_backends = 1
[slo]
ttft_ms = 500
[slo.tenants.gold]
tpot_ms = 20
weight = 3
[slo.classes.interactive]
priority = 1
e2e_ms = 2000
`)
  expect(slo.attainment).toBe(0.99)
  const one = '[cluster]\nnum_backends = 1\n'
  expect(parseConfig(`${one}[simulation]\nseed = 0\n[slo]\nattainment = 1`)).toMatchObject({
    ...{ simulation: { seed: 0 }, slo: { attainment: 1 } },
  })
  for (const share of [0, -0.5, 1.5]) {
    expect(() => parseConfig(`${one}[slo]\nattainment = ${share}`)).toThrow(
      `slo.attainment: expected a number > 0 and <= 1, got ${share}`,
    )
  }
  expect(sloOptions(slo)).toEqual({
    ttftMs: 500,
    tenants: { gold: { tpotMs: 20, weight: 3 } },
    classes: { interactive: { e2eMs: 2000, priority: 1 } },
  })
  expect(() => parseConfig('[cluster]\nnum_backends = 1\n[slo]\nttft_ms = 0')).toThrow(
    'config:4:1 slo.ttft_ms: expected a number > 0, got 0',
  )
  expect(() => parseConfig('[cluster]\nnum_backends = 1\n[slo.tenants.a]\nwieght = 2')).toThrow(
    'config:4:1 slo.tenants.a.wieght: unknown key; did you mean "weight"?',
  )
  expect(() =>
    parseConfig('[cluster]\nnum_backends = 1\n[slo.classes.other]\npriority = 2'),
  ).toThrow(
    'config:3:2 slo.classes.other: expected another name, since requests of no class are called so',
  )
})

test('an engine alone does not change how many tokens the KV cache holds', () => {
  const tokensOf = (keys: string): number => {
    const { kv_cache_blocks, kv_block_size } = parseConfig(
      `[cluster]\nnum_backends = 1\n${keys}`,
      'c.toml',
    ).cluster
    return kv_cache_blocks * kv_block_size
  }
  for (const { name } of ENGINES) expect(tokensOf(`engine = "${name}"`), name).toBe(32_768 * 16)
  expect(tokensOf('engine = "sglang"\nkv_cache_blocks = 1000')).toBe(1000)
  expect(tokensOf('engine = "vllm"\nkv_block_size = 32')).toBe(32_768 * 32)
})

test('events and the client of a config are as the engine takes them', () => {
  const { events, client } = parseConfig(`
    [cluster]
    num_backends = 2
    [client]
    retries = 2
    retry_backoff_ms = 50
    timeout_ms = 30000
    [[events]]
    at_sec = 1.5
    kind = "slow"
    backend = 1
    factor = 3
    [[events]]
    at_sec = 2
    kind = "fail"
    backend = 0
  `)
  expect(backendEvents(events)).toEqual([
    { atMs: 1500, kind: 'slow', backend: 1, factor: 3 },
    { atMs: 2000, kind: 'fail', backend: 0 },
  ])
  expect(clientOptions(client)).toEqual({
    retries: { attempts: 2, backoffMs: 50 },
    timeoutMs: 30_000,
  })
  const plain = parseConfig('[cluster]\nnum_backends = 1')
  expect(clientOptions(plain.client)).toEqual({ retries: { attempts: 0, backoffMs: 0 } })
  expect(plain.events).toEqual([])
})

test('as many requests run as there is memory for states of linear layers', () => {
  const fleet =
    '[cluster]\nnum_backends = 1\nmodel = "qwen3.5-397b-a17b"\nprecision = "fp8"\ntp = 8\n'
  const most = parseConfig(`${fleet}gpu = "H100 SXM"`).cluster.max_num_seqs
  // vLLM would run 1024; see kvCapacity for the figure.
  expect(most).toBeGreaterThan(300)
  expect(most).toBeLessThan(1024)
  expect(parseConfig(`${fleet}gpu = "H200"`).cluster.max_num_seqs).toBe(1024)
  const told = complaint(`${fleet}gpu = "H100 SXM"\nmax_num_seqs = 1000`)
  expect(told).toBe(
    `bench.toml:7:1 cluster.max_num_seqs: expected at most ${most}, for whose states in the linear layers of Qwen3.5-397B-A17B there is memory, got 1000`,
  )
  const asTold = `${fleet}gpu = "H100 SXM"\nmax_num_seqs = ${most}`
  expect(parseConfig(asTold).cluster.max_num_seqs).toBe(most)
  // SGLang keeps three states for each while it caches prefixes, in groups as well.
  const sglang = `${fleet}gpu = "H100 SXM"\nengine = "sglang"\n`
  const cached = parseConfig(sglang).cluster.max_num_seqs
  expect(cached).toBeLessThan(most / 2)
  const uncached = parseConfig(`${sglang}prefix_caching = false`).cluster
  expect(uncached.max_num_seqs / cached).toBeCloseTo(3, 1)
  const group = `${sglang.replace('num_backends = 1\n', '')}prefix_caching = false\n[[cluster.backends]]\n`
  expect(parseConfig(group).cluster.backends![0]!.max_num_seqs).toBe(uncached.max_num_seqs)
})

test('ranks that share the experts have room for more KV, as each GPU has fewer of them', () => {
  const fleet = '[cluster]\nnum_backends = 1\nmodel = "deepseek-v3"\ngpu = "B200"\ndp = 8\n'
  // All 256 experts do not fit on one GPU.
  expect(complaint(fleet)).toMatch(
    /cluster.model: DeepSeek-V3 in fp8 on 1 x B200: expected room.*; with ep = tp x dp = 8 the ranks share the experts$/,
  )
  const [eight, sixteen] = [8, 16].map(
    (ranks) => parseConfig(`${fleet.replace('8', String(ranks))}ep = ${ranks}`).cluster,
  )
  expect(eight!.kv_cache_blocks).toBeGreaterThan(0)
  expect(sixteen!.kv_cache_blocks).toBeGreaterThan(eight!.kv_cache_blocks)
  for (const degrees of ['moe_tp = 8', 'ep = 4\nmoe_tp = 2']) {
    const sharded = parseConfig(`${fleet}${degrees}`).cluster
    expect(sharded.kv_cache_blocks).toBe(eight!.kv_cache_blocks)
  }
})

test.each([
  [
    'ep = 4',
    'bench.toml:6:1 cluster.ep: expected a divisor of tp = 1, or tp x dp = 8, that divides its 256 experts, got 4',
  ],
  [
    'ep = 8\ndp_lockstep = false',
    'bench.toml:7:1 cluster.dp_lockstep: expected ranks that share experts to step together, got false',
  ],
  [
    'ep = 8\nmodel = "llama-3.1-8b"',
    'bench.toml:6:1 cluster.ep: expected 1, as Llama-3.1-8B has no experts, got 8',
  ],
  [
    'moe_tp = 4',
    'bench.toml:6:1 cluster.moe_tp: expected ep x moe_tp to be tp = 1, or tp x dp = 8, got 1 x 4',
  ],
  [
    'moe_tp = 8\nep = 2',
    'bench.toml:6:1 cluster.moe_tp: expected ep x moe_tp to be tp = 1, or tp x dp = 8, got 2 x 8',
  ],
  [
    'ep = 3\nmoe_tp = 8\ntp = 3',
    'bench.toml:6:1 cluster.ep: expected a divisor of the 256 experts of DeepSeek-V3, got 3',
  ],
  [
    'moe_tp = 8\ndp_lockstep = false',
    'bench.toml:7:1 cluster.dp_lockstep: expected ranks that share experts to step together, got false',
  ],
  [
    'moe_tp = 1\nmodel = "llama-3.1-8b"',
    'bench.toml:6:1 cluster.moe_tp: expected nothing, as Llama-3.1-8B has no experts, got 1',
  ],
])('degrees that do not go together: %s', (keys, message) => {
  const model = keys.includes('model') ? '' : 'model = "deepseek-v3"\n'
  const affine =
    'compute_model = { kind = "affine", base_ms = 1, prefill_ms_per_token = 1, decode_ms_per_request = 1 }\n'
  const fleet = `[cluster]\nnum_backends = 1\ngpu = "B200"\ndp = 8\n${model}`
  expect(complaint(`${fleet}${model === '' ? '\n' : ''}${keys}`)).toBe(message)
  expect(complaint(`${fleet}${model === '' ? '\n' : ''}${keys}\n${affine}`)).toBe(message)
})

test('a precision of experts is refused where a model has none', () => {
  const toml = (model: string): string =>
    `[cluster]\nnum_backends = 1\nmodel = "${model}"\nprecision = "mxfp4"\ngpu = "b200"\n`
  expect(() => parseConfig(toml('llama-3.1-8b'))).toThrow(
    'cluster.precision: expected one of bf16, fp8, int8, fp4, int4, as Llama-3.1-8B has no experts, got "mxfp4"',
  )
  expect(parseConfig(toml('qwen3-30b-a3b')).cluster.precision).toBe('mxfp4')
})

test('SGLang leaves more memory to ranks with DP attention, who divide its chunk', () => {
  const fleet =
    '[cluster]\nnum_backends = 1\nmodel = "deepseek-v3"\ngpu = "H200"\nengine = "sglang"\ndp = 8\n'
  const { kv_cache_blocks, max_batch_tokens } = parseConfig(`${fleet}moe_tp = 8`).cluster
  expect(max_batch_tokens).toBe(1024)
  // 0.769 of 143,771 MiB less weights, over 70,272 bytes per token.
  expect(kv_cache_blocks).toBeGreaterThan(200_000)
  expect(kv_cache_blocks).toBeLessThan(215_000)
  expect(() => parseConfig(`${fleet.replace('dp = 8', 'dp = 64')}moe_tp = 64`)).toThrow(
    'expected fewer GPUs: what sglang sets aside for them is all the memory of H200, got tp x dp x pp = 64',
  )
})
