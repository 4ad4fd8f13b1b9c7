import { findModel, stateBytesPerRequest } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { buildFleet } from './build-cluster.js'

function fleetOf(source: string): ReturnType<typeof buildFleet> {
  return buildFleet(parseConfig(source, 'bench.toml'))
}

const MIXED = `[cluster]
gpu = "h100"
max_num_seqs = 64
compute_model = { prefill_tokens_per_sec = 40000 }
[[cluster.backends]]
count = 2
[[cluster.backends]]
gpu_type = "l40s"
max_num_seqs = 16
kv_cache_blocks = 1000
compute_model = { prefill_tokens_per_sec = 8000 }
`

const prefillOf1000 = {
  prefillTokens: 1000,
  prefillRequests: 1,
  prefillAttentionPairs: 500_500,
  decodeRequests: 0,
  decodeContextTokens: 0,
}

describe('groups of backends', () => {
  test('have what they say, and else what the cluster says', () => {
    const { cluster, gpu, pricePerHour } = fleetOf(MIXED)
    expect(gpu).toBe('H100 SXM + L40S')
    expect(pricePerHour).toEqual([3.5, 3.5, 1])
    expect(cluster.backends.map(({ maxNumSeqs }) => maxNumSeqs)).toEqual([64, 64, 16])
    expect(cluster.backends.map(({ kv }) => kv.blocks)).toEqual([32768, 32768, 1000])
    const times = cluster.backends.map(({ latency }) => latency.stepMs(prefillOf1000))
    expect(times).toEqual([25, 25, 125])
    expect(cluster.backends.map(({ model }) => model)).toEqual([undefined, undefined, undefined])
  })

  test('of different models serve requests by name, each with its own capacity and defaults', () => {
    const { cluster } = fleetOf(`[cluster]
model = "llama-3.1-8b"
[[cluster.backends]]
[[cluster.backends]]
model = "llama-3.1-70b"
engine = "trtllm"
tp = 4
served_model_name = "large"
`)
    const [small, large] = cluster.backends
    expect([small!.model, large!.model]).toEqual(['llama-3.1-8b', 'large'])
    expect([small!.batching, large!.preemption]).toEqual(['mixed', 'reserve_all'])
    expect([small!.kv.blockTokens, large!.kv.blockTokens]).toEqual([16, 32])
    expect(large!.latency.stepMs(prefillOf1000)).toBeGreaterThan(
      small!.latency.stepMs(prefillOf1000),
    )
    expect([small!.kvBytesPerToken, large!.kvBytesPerToken]).toEqual([131_072, 327_680])
    expect(large!.swapMsPerToken).toBeCloseTo(327_680 / (4 * 50e6), 12)
  })

  test('send the states of linear layers with their KV caches', () => {
    const groups = ['qwen3.5-397b-a17b', 'llama-3.1-70b'].map(
      (model) =>
        `[[cluster.backends]]\nmodel = "${model}"\ngpu = "b200"\ntp = 8\nprecision = "fp8"\n`,
    )
    const { backends } = fleetOf(groups.join('')).cluster
    expect(backends.map((backend) => backend.kvBytesPerRequest)).toEqual([
      stateBytesPerRequest(findModel('qwen3.5-397b-a17b')),
      0,
    ])
    expect(backends[0]!.kvBytesPerRequest).toBeGreaterThan(190e6)
  })

  test('take requests up to a length of their own, or of the cluster, if any', () => {
    const groups = '[[cluster.backends]]\nmax_model_len = 8192\n[[cluster.backends]]\n'
    const lengths = (text: string): unknown[] =>
      fleetOf(text).cluster.backends.map(({ maxModelLen }) => maxModelLen)
    expect(lengths(groups)).toEqual([8192, undefined])
    expect(lengths(`[cluster]\nmax_model_len = 4096\n${groups}`)).toEqual([8192, 4096])
  })

  test('that do both make up for a role that is missing', () => {
    for (const role of ['prefill', 'decode']) {
      const groups = `[[cluster.backends]]\nrole = "${role}"\n[[cluster.backends]]\n`
      const { backends } = fleetOf(groups).cluster
      expect(backends.map((backend) => backend.role)).toEqual([role, 'both'])
    }
  })

  test('with roles need no other word to disaggregate', () => {
    const config = parseConfig(`[cluster]
[[cluster.backends]]
role = "prefill"
[[cluster.backends]]
count = 3
role = "decode"
`)
    expect(config.cluster.disaggregated.enabled).toBe(true)
    expect(config.cluster.num_backends).toBe(4)
    const roles = buildFleet(config).cluster.backends.map(({ role }) => role)
    expect(roles).toEqual(['prefill', 'decode', 'decode', 'decode'])
  })

  test.each([
    [
      '[[cluster.backends]]\nmax_batch_tokenz = 5',
      'bench.toml:3:1 cluster.backends.0.max_batch_tokenz: unknown key; did you mean "max_batch_tokens"?',
    ],
    [
      '[[cluster.backends]]\n[[cluster.backends]]\ngpu = "h1000"',
      /^bench.toml:4:1 cluster.backends.1.gpu: unknown GPU "h1000"/,
    ],
    [
      '[[cluster.backends]]\nmodel = "llama-3.1-70b"',
      /^bench.toml:3:1 cluster.backends.0.model: Llama-3.1-70B in bf16 on 1 x H100 SXM: expected room/,
    ],
    [
      'num_backends = 3\n[[cluster.backends]]',
      'bench.toml:2:1 cluster.num_backends: expected 1, the backends of all groups, or nothing, got 3',
    ],
    // What stands in [cluster] is told there, once.
    [
      'tp = 0\n[[cluster.backends]]',
      /^bench.toml:2:1 cluster.tp: expected an integer >= 1, got 0$/,
    ],
    [
      'model = "llama-3.1-8b"\ntp = 3\n[[cluster.backends]]\n[[cluster.backends]]\ntp = 2',
      /^bench.toml:3:1 cluster.tp: expected .* got 3 \(taken over by cluster.backends.0\)$/,
    ],
    [
      'model = "llama-3.1-8b"\n[[cluster.backends]]\n[[cluster.backends]]\ntp = 3',
      /^bench.toml:5:1 cluster.backends.1.tp: expected .* got 3$/,
    ],
    [
      'prefix_caching = false\nkv_offload = { cpu_gb = 1 }\n[[cluster.backends]]',
      /^bench.toml:3:1 cluster.kv_offload: expected no memory for evicted blocks .* \(taken/,
    ],
    ['backends = []', /cluster.backends: expected at least one group, got none/],
    [
      'backends = 3\nnum_backends = 1',
      /cluster.backends: expected tables \[\[cluster.backends\]\]/,
    ],
    [
      'disaggregated = { enabled = false }\n[[cluster.backends]]\nrole = "prefill"',
      /cluster.disaggregated.enabled: expected true because groups have roles, got false/,
    ],
    [
      'disaggregated = { prefill_backends = 1 }\n[[cluster.backends]]',
      /cluster.disaggregated: expected roles in \[\[cluster.backends\]\] instead of prefill_backends/,
    ],
    [
      '[[cluster.backends]]\nrole = "decode"',
      /expected groups that prefill and groups that decode, got only role "decode"/,
    ],
    [
      'preemption = "swapp"\nnum_backends = 1',
      /cluster.preemption: expected one of "recompute_newest", "retract_shortest", "swap", "evict_all", "reserve_all", got "swapp"/,
    ],
  ])('%s is refused', (cluster, message) => {
    expect(() => fleetOf(`[cluster]\n${cluster}`)).toThrow(message)
  })
})

test('data-parallel ranks cost as much each, and step together where experts are dealt out', () => {
  const rank = '[cluster]\nnum_backends = 1\nmodel = "mixtral-8x7b"\ntp = 4\ndp = 2\n'
  const { cluster, pricePerHour, gpuCounts } = fleetOf(rank)
  expect(pricePerHour).toEqual([28])
  expect(gpuCounts).toEqual([8])
  expect(cluster.backends[0]).toMatchObject({ dp: 2, lockstep: false })
  expect(fleetOf(`${rank}ep = 4`).cluster.backends[0]).toMatchObject({ dp: 2, lockstep: true })
  expect(fleetOf(`${rank}ep = 4\ndp_lockstep = false`).cluster.backends[0]!.lockstep).toBe(false)
})

test('data-parallel ranks step together where they share experts that are sharded', () => {
  const rank = '[cluster]\nnum_backends = 1\nmodel = "mixtral-8x7b"\ndp = 2\n'
  const lockstepOf = (keys: string): boolean | undefined =>
    fleetOf(`${rank}${keys}`).cluster.backends[0]!.lockstep
  expect(lockstepOf('tp = 1\nmoe_tp = 2')).toBe(true)
  expect(lockstepOf('tp = 4\nmoe_tp = 8')).toBe(true)
  expect(lockstepOf('tp = 4\nmoe_tp = 4')).toBe(false)
})

test('ranks whose prompts begin together, and schedulers that look now and then', () => {
  const fleet = '[cluster]\nnum_backends = 1\ndp = 2\n'
  const specOf = (keys: string): unknown => fleetOf(`${fleet}${keys}`).cluster.backends[0]
  expect(specOf('scheduler_recv_interval = 30')).toMatchObject({ pollSteps: 30 })
  const balanced = 'dp_lockstep = true\nattention_dp_balance = true\n'
  expect(specOf(balanced)).toMatchObject({
    promptsTogether: { timeoutSteps: 50, batchingSteps: 10 },
  })
  const told = 'attention_dp_timeout_iters = 60\nattention_dp_batching_wait_iters = 0\n'
  expect(specOf(`${balanced}${told}`)).toMatchObject({
    promptsTogether: { timeoutSteps: 60, batchingSteps: 0 },
  })
  expect(() => specOf(`dp_lockstep = true\n${told}`)).toThrow(
    `bench.toml:5:1 cluster.attention_dp_timeout_iters: expected nothing without attention_dp_balance, got 60
bench.toml:6:1 cluster.attention_dp_batching_wait_iters: expected nothing without attention_dp_balance, got 0`,
  )
  const plain = specOf('dp_lockstep = true')
  expect(plain).toMatchObject({ pollSteps: 1 })
  expect(plain).not.toHaveProperty('promptsTogether')
  for (const alone of ['', 'dp_lockstep = false\n'])
    expect(() => specOf(`${alone}attention_dp_balance = true`)).toThrow(
      'cluster.attention_dp_balance: expected dp > 1 and ranks that step together (ep > 1, dp_lockstep, or a moe_tp that they share), got none',
    )
  expect(() => specOf('dp_lockstep = true\nscheduler_recv_interval = 10')).toThrow(
    'cluster.scheduler_recv_interval: expected 1 for ranks that step together, got 10',
  )
  expect(() => specOf('scheduler_recv_interval = 1001')).toThrow(
    /cluster.scheduler_recv_interval: expected an integer from 1 to 1000, got 1001/,
  )
  expect(() => specOf('moe_tp = 2')).toThrow(
    'cluster.moe_tp: expected nothing without a model, got 2',
  )
})

test('an engine brings its ways to batch, to preempt and to admit, and the config goes before it', () => {
  const policies = (source: string): unknown => {
    const { backends } = fleetOf(`[cluster]\nnum_backends = 1\n${source}`).cluster
    const { batching, preemption, reservedOutputShare, frontEndMs } = backends[0]!
    return [batching, preemption, reservedOutputShare, frontEndMs]
  }
  expect(policies('')).toEqual(['mixed', 'recompute_newest', 0, 0])
  expect(policies('engine = "vllm"')).toEqual(['mixed', 'recompute_newest', 0, 15])
  expect(policies('engine = "sglang"')).toEqual([
    'prefill_first',
    'retract_shortest',
    expect.closeTo(0.098, 9),
    15,
  ])
  expect(policies('engine = "trtllm"\npreemption = "swap"\nfront_end_ms = 2')).toEqual([
    'mixed',
    'swap',
    1,
    2,
  ])
})

test.each([
  ['num_backends = 2', '2 x H100 SXM'],
  ['num_backends = 2\ntp = 4\ndp = 2', '2 x (8 x H100 SXM)'],
  [
    '[[cluster.backends]]\ngpu = "L4"\n[[cluster.backends]]\ncount = 2\ntp = 2\n[[cluster.backends]]\ngpu = "L4"',
    '2 x L4 + 2 x (2 x H100 SXM)',
  ],
  [
    'num_backends = 4\n[cluster.disaggregated]\nenabled = true\nprefill_backends = 1\ndecode_backends = 3',
    '4 x H100 SXM',
  ],
])('a fleet is described by the GPUs of its backends: %j', (cluster, description) => {
  expect(fleetOf(`[cluster]\n${cluster}`).description).toBe(description)
})
