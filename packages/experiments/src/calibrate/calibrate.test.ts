import {
  type LatencyModel,
  NO_NODE,
  RandomStream,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { affineLatency, radixKvCache, rooflineLatency } from '@routesim/hardware'
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { buildFleet } from '../cluster/build-cluster.js'
import { rooflineOptionsOf } from '../cluster/build-latency.js'
import { parseConfig } from '../config/parse-config.js'
import { configSchema } from '../config/schema.js'
import { idleSettings } from '../notes/idle-settings.js'
import { calibrate } from './calibrate.js'
import { requestTable } from './fit-steps.js'
import type { MeasuredRequest } from './measured-request.js'

const config = parseConfig(`
[cluster]
num_backends = 1
model = "llama-3.1-8b"
gpu = "H100 SXM"
`)

const large = parseConfig(`
[cluster]
num_backends = 1
model = "llama-3.1-70b"
gpu = "H100 SXM"
tp = 4
`)

const truth = affineLatency({
  baseMs: 8,
  prefillMsPerToken: 0.03,
  decodeMsPerRequest: 0.05,
  decodeMsPerContextToken: 0.00006,
  mixedDecodeMsPerContextToken: 0.00008,
  prefillMsPerAttentionPair: 2e-7,
})

/** What a backend with known step times would have shown. */
function measurements(
  count: number,
  frontEndMs: number,
  latency: LatencyModel = truth,
): MeasuredRequest[] {
  const random = new RandomStream(7, 'measurements')
  let sentMs = 0
  const asked = Array.from({ length: count }, () => {
    sentMs += random.exponential(60)
    const promptTokens = 50 + random.integer(3000)
    const outputTokens = 20 + random.integer(400)
    return { sentMs, promptTokens, outputTokens, cachedTokens: 0, ttftMs: 1, e2eMs: 1 }
  })
  const { cluster } = buildFleet(config)
  const run = simulate({
    cluster: {
      backends: [{ ...cluster.backends[0]!, latency, frontEndMs: 0, maxQueueDepth: count }],
      kvCache: radixKvCache({ prefixCaching: true }),
    },
    requests: requestTable(asked),
    router: { name: 'one', route: (_, { backends }) => backends[0]! },
    seed: 1,
  })
  return asked.map((request, i) => ({
    ...request,
    ttftMs: run.outcomes.firstTokenMs[i]! - run.sentMs[i]! + frontEndMs,
    e2eMs: run.outcomes.finishedMs[i]! - run.sentMs[i]! + frontEndMs,
  }))
}

test('factors on a roofline are written with the keys that they were found with', () => {
  const given = {
    kind: 'roofline',
    granularity: 'operator',
    cuda_graphs: 'piecewise',
    link: 'PCIe 5.0 x16',
  } as const
  const { cluster } = config
  const compute_model = { ...cluster.compute_model, ...given } as typeof cluster.compute_model
  const calibration = calibrate({
    config: { ...config, cluster: { ...cluster, compute_model } },
    requests: measurements(60, 25),
    kind: 'roofline',
  })
  expect(parseConfig(calibration.toml).cluster.compute_model).toMatchObject(given)
})

test('factors are found without the launches that steps with prompts take at least, and the profile says so', () => {
  const keys = (engine: string, more = '') =>
    parseConfig(`
[cluster]
num_backends = 1
model = "mixtral-8x7b"
gpu = "H100 SXM"
tp = 2
engine = "${engine}"
${more}`)
  const profileOf = (engine: string, more?: string) =>
    calibrate({ config: keys(engine, more), requests: measurements(60, 25), kind: 'roofline' }).toml
  for (const engine of ['sglang', 'vllm']) {
    expect(profileOf(engine)).toContain('launch_ms_per_layer = 0')
  }
  const none = 'compute_model = { kind = "roofline", launch_ms_per_layer = 0 }'
  expect(profileOf('vllm', none)).toContain('launch_ms_per_layer = 0')
})

test('a profile says how its ranks share the experts', () => {
  const shared = parseConfig(`
[cluster]
num_backends = 1
model = "mixtral-8x7b"
gpu = "H100 SXM"
tp = 2
dp = 2
moe_tp = 4
`)
  const { toml } = calibrate({ config: shared, requests: measurements(10, 25), kind: 'roofline' })
  expect(parseConfig(toml).cluster).toMatchObject({ tp: 2, dp: 2, moe_tp: 4 })
  expect(buildFleet(parseConfig(toml)).cluster.backends[0]).toMatchObject({ lockstep: true })
})

/** Every key that a backend can have. */
const WHOLE = parseConfig(`
[cluster]
num_backends = 1
model = "mixtral-8x7b"
gpu_type = "H100 SXM"
gpu = "H200 SXM"
engine = "trtllm"
precision = "fp8"
kv_precision = "fp8"
tp = 2
pp = 1
ep = 2
moe_tp = 2
dp = 2
dp_lockstep = true
attention_dp_balance = true
attention_dp_timeout_iters = 7
attention_dp_batching_wait_iters = 3
gpu_memory_utilization = 0.7
kv_context_tokens = 5000
served_model_name = "mix"
price_per_hour = 2.5
max_batch_tokens = 4096
max_num_seqs = 100
max_model_len = 100000
chunked_prefill = false
prefix_caching = true
scheduling = "shortest"
batching = "prefill_first"
preemption = "swap"
swap_bandwidth_gb_s = 20
reserved_output_share = 0.3
kv_offload = { cpu_gb = 64, disk_gb = 100 }
lora = { max_loras = 4, rank = 8 }
[cluster.compute_model]
kind = "roofline"
prompt_graph_tokens = 256
`)

test('a profile has every key of the deployment that was measured, in [cluster] or in a group', () => {
  const keys = Object.keys(configSchema.shape.cluster.out.shape)
  const kept = (given: typeof config) => {
    const requests = measurements(10, 25)
    const { toml } = calibrate({ config: given, requests, kind: 'roofline' })
    expect(idleSettings(parseConfig(toml))).toEqual([])
    return (parse(toml) as { cluster: Record<string, unknown> }).cluster
  }
  const profile = kept(WHOLE)
  // `gpu` goes before `gpu_type`, and one backend has neither pools nor groups.
  const leftOut = ['gpu_type', 'disaggregated', 'backends']
  expect([...Object.keys(profile), ...leftOut].sort()).toEqual(keys.sort())
  const { cluster } = WHOLE
  for (const key of keys.filter((key) => !leftOut.includes(key))) {
    if (key === 'front_end_ms' || key === 'compute_model') continue
    expect([key, profile[key]]).toEqual([key, Reflect.get(cluster, key)])
  }
  expect(profile['compute_model']).toMatchObject({ prompt_graph_tokens: 256 })

  const { num_backends, prefix_caching, disaggregated, backends: _, ...group } = cluster
  const plain = { ...config.cluster, max_num_seqs: 3, gpu: 'A100 80GB' }
  const backends = [{ ...group, count: 1, role: 'both' as const }]
  const grouped = { ...config, cluster: { ...plain, disaggregated, backends } }
  expect(kept(grouped)).toEqual({ ...profile, num_backends, prefix_caching })
})

test('a request that the backend can not have served is refused, not fitted as if steps took no time', () => {
  const requests = measurements(12, 25)
  const odd = { ...requests[5]!, promptTokens: 5_000_000, outputTokens: 9 }
  const given = [...requests.slice(0, 5), odd, ...requests.slice(6)]
  expect(() => calibrate({ config, requests: given, kind: 'affine' })).toThrow(
    /got one of 5000000 prompt and 9 output tokens, .* that it does not \(exceeds_kv_cache\)$/,
  )
})

test.each([0, 2.5])('finds that steps wait %f ms for the host, whatever the config says', (ms) => {
  const waiting = rooflineLatency({ ...rooflineOptionsOf(config.cluster), hostMsPerStep: ms })
  const { cluster } = config
  for (const host_ms_per_step of [0, 2.5]) {
    const compute_model = {
      ...cluster.compute_model,
      host_ms_per_step,
    } as typeof cluster.compute_model
    const { parameters } = calibrate({
      config: { ...config, cluster: { ...cluster, compute_model } },
      requests: measurements(150, 25, waiting),
      kind: 'roofline',
    })
    const found = parameters.find(({ key }) => key === 'host_ms_per_step')!
    expect(Math.abs(found.value - ms)).toBeLessThan(0.3)
  }
})

describe.each(['affine', 'roofline'] as const)('calibrate, %s', (kind) => {
  const calibration = calibrate({ config, requests: measurements(150, 25), kind })

  test('explains the measurements', () => {
    const limit = kind === 'affine' ? 1 : 5
    expect(calibration.decodeErrorPercent).toBeLessThan(limit)
    expect(calibration.leaveOneOutDecodePercent).toBeLessThan(limit)
    expect(calibration.leaveOneOutDecodePercent).toBeGreaterThanOrEqual(
      calibration.decodeErrorPercent! * 0.99,
    )
    expect(Math.abs(calibration.frontEndMs - 25)).toBeLessThan(kind === 'affine' ? 3 : 15)
  })

  test('is never faster than the hardware', () => {
    for (const { value, least } of calibration.parameters)
      expect(value).toBeGreaterThanOrEqual(least)
  })

  test('writes a config that means the same', () => {
    const { cluster } = parseConfig(calibration.toml)
    expect(cluster.compute_model.kind).toBe(kind)
    expect(calibration.toml).not.toContain('gpu_type')
    const values = cluster.compute_model as unknown as Record<string, number>
    for (const { key, value } of calibration.parameters)
      expect(values[key]! / value).toBeCloseTo(1, 4)
    expect(cluster.kv_cache_blocks).toBe(config.cluster.kv_cache_blocks)
  })
})

test('recovers what the measurements can tell', () => {
  const { parameters } = calibrate({ config, requests: measurements(150, 25), kind: 'affine' })
  const [base, prefill] = parameters
  expect(base!.isMeasured && prefill!.isMeasured).toBe(true)
  expect(base!.value / 8).toBeCloseTo(1, 1)
  expect(prefill!.value / 0.03).toBeCloseTo(1, 1)
})

/** Conversations, each turn after the answer to the one before, as a backend with a cold cache serves them. */
function conversations(count: number, turns: number): MeasuredRequest[] {
  const random = new RandomStream(3, 'conversations')
  const builder = new RequestTableBuilder()
  for (let i = 0; i < count * turns; i++) {
    const turn = i % turns
    const promptTokens = 1000 * (turn + 1) - random.integer(600)
    const outputTokens = 20 + random.integer(60)
    const promptNode = builder.prompts.stream(NO_NODE, `${Math.floor(i / turns)}`, promptTokens)
    builder.add({ arrivalMs: 4000 * i, promptTokens, outputTokens, promptNode })
  }
  const { cluster } = buildFleet(config)
  const run = simulate({
    cluster: {
      backends: [{ ...cluster.backends[0]!, latency: chatty, frontEndMs: 0 }],
      kvCache: radixKvCache(),
    },
    requests: builder.build(),
    router: { name: 'one', route: (_, { backends }) => backends[0]! },
    seed: 1,
  })
  const { firstTokenMs, finishedMs, cachedTokens } = run.outcomes
  return Array.from(run.sentMs, (sentMs, i) => ({
    sentMs,
    promptTokens: run.requests.promptTokens[i]!,
    outputTokens: run.requests.outputTokens[i]!,
    cachedTokens: cachedTokens[i]!,
    ttftMs: firstTokenMs[i]! - sentMs + 10,
    e2eMs: finishedMs[i]! - sentMs + 10,
  }))
}

const chatty = affineLatency({
  baseMs: 7,
  prefillMsPerToken: 0.03,
  decodeMsPerRequest: 0.05,
  decodeMsPerContextToken: 0.00005,
  prefillMsPerAttentionPair: 9e-7,
})

test.each([1, 6])(
  'prompts of %i conversations are replayed with the cached tokens they had',
  (count) => {
    const requests = conversations(count, 12)
    expect(requests.filter(({ cachedTokens }) => cachedTokens > 0)).toHaveLength(count * 11)
    const fit = calibrate({ config, requests, kind: 'affine' })
    expect(fit.ttftErrorPercent).toBeLessThan(2)
    expect(Math.abs(fit.parameters[1]!.value / 0.03 - 1)).toBeLessThan(0.15)
    expect(Math.abs(fit.frontEndMs - 10)).toBeLessThan(4)
  },
)

test('cached tokens and a backend that caches none contradict each other', () => {
  const cold = parseConfig(`
[cluster]
num_backends = 1
model = "llama-3.1-8b"
gpu = "H100 SXM"
prefix_caching = false
`)
  const of = (requests: MeasuredRequest[]) => calibrate({ config: cold, requests, kind: 'affine' })
  expect(() => of(conversations(1, 12))).toThrow(
    'cluster.prefix_caching: expected true, as 11 of 12 requests were measured with cached tokens',
  )
  expect(of(measurements(10, 25)).toml).toContain('prefix_caching = false')
})

test.each(['affine', 'roofline'] as const)(
  'what is not told by measurements is the public figure, however ill they fit: %s',
  (kind) => {
    // One request at a time, of a model far smaller than the config says.
    const requests = Array.from({ length: 40 }, (_, i) => ({
      sentMs: i * 10_000,
      promptTokens: 500 + 20 * i,
      outputTokens: 50,
      cachedTokens: 0,
      ttftMs: 4 + i / 20,
      e2eMs: 4 + i / 20 + 49 * 2,
    }))
    const { parameters, decodeErrorPercent } = calibrate({ config: large, requests, kind })
    expect(decodeErrorPercent).toBeGreaterThan(30)
    const untold = parameters.filter(({ isMeasured }) => !isMeasured)
    expect(untold.length).toBeGreaterThanOrEqual(2)
    for (const { value, expected } of untold) expect(value / expected).toBeCloseTo(1, 6)
  },
)

test('what the measurements can not tell stays what public figures say', () => {
  // One request at a time and short contexts: nothing says what a batch or its context costs.
  const requests = Array.from({ length: 12 }, (_, i) => ({
    sentMs: i * 10_000,
    promptTokens: 100,
    outputTokens: 50,
    cachedTokens: 0,
    ttftMs: 40,
    e2eMs: 40 + 49 * 9,
  }))
  const { parameters } = calibrate({ config, requests, kind: 'affine' })
  for (const { key, value, expected, isMeasured } of parameters.slice(3)) {
    expect([key, isMeasured]).toEqual([key, false])
    expect(value / expected).toBeCloseTo(1, 9)
  }
})

test('requests of one token say nothing of the time from the first token to the last', () => {
  const several = measurements(40, 25)
  const single = several.map((request) => ({
    ...request,
    ...{ outputTokens: 1, sentMs: request.sentMs + 1e6, e2eMs: request.ttftMs },
  }))
  const of = (requests: MeasuredRequest[]) => calibrate({ config, requests, kind: 'affine' })
  const alone = of(several)
  const both = of([...several, ...single])
  expect(both.decodeErrorPercent! / alone.decodeErrorPercent!).toBeGreaterThan(0.8)
  const none = of(single)
  expect(none).toMatchObject({ decodeErrorPercent: null, leaveOneOutDecodePercent: null })
  expect(none.toml).toContain('first to last token unknown;\n# leave-one-out ')
})

test('needs one backend with a model', () => {
  const requests = measurements(10, 0)
  const two = parseConfig('[cluster]\nnum_backends = 2\nmodel = "llama-3.1-8b"')
  expect(() => calibrate({ config: two, requests, kind: 'affine' })).toThrow(
    /num_backends: expected 1.*got 2/,
  )
  const none = parseConfig('[cluster]\nnum_backends = 1')
  expect(() => calibrate({ config: none, requests, kind: 'affine' })).toThrow(/expected a model/)
})

/** Lone requests of a backend whose steps take so many ms, and 0.002 of that for a prompt token. */
function loneRequests(baseMs: number): MeasuredRequest[] {
  const random = new RandomStream(5, 'lone')
  return Array.from({ length: 30 }, (_, i) => {
    const promptTokens = 100 + random.integer(4000)
    const outputTokens = 20 + random.integer(200)
    const ttftMs = 15 + baseMs * (1 + 0.002 * promptTokens)
    const e2eMs = ttftMs + baseMs * (outputTokens - 1)
    return { sentMs: i * 2e6, promptTokens, outputTokens, cachedTokens: 0, ttftMs, e2eMs }
  })
}

test.each([20, 50, 100, 300, 1000, 5000])(
  'a backend is found whose steps take %i ms, though public figures say 6.5',
  (baseMs) => {
    const fit = calibrate({ config, requests: loneRequests(baseMs), kind: 'affine' })
    const [base] = fit.parameters
    expect(base).toMatchObject({ key: 'base_ms', isMeasured: true })
    expect(Math.abs(base!.value / baseMs - 1)).toBeLessThan(0.01)
    expect(fit.decodeErrorPercent).toBeLessThan(1)
    expect(fit.ttftErrorPercent).toBeLessThan(3)
  },
)

test.each([4, 8])('what context costs is found of a backend %i times slower', (times) => {
  const random = new RandomStream(6, 'context')
  const requests = Array.from({ length: 40 }, (_, i): MeasuredRequest => {
    const promptTokens = 200 + random.integer(7000)
    const outputTokens = 50 + random.integer(150)
    const ttftMs = times * (11 + 0.03 * promptTokens)
    let e2eMs = ttftMs
    for (let k = 1; k < outputTokens; k++) e2eMs += times * (7 + 0.0001 * (promptTokens + k))
    return { sentMs: i * 2e6, promptTokens, outputTokens, cachedTokens: 0, ttftMs, e2eMs }
  })
  const { parameters, decodeErrorPercent } = calibrate({ config, requests, kind: 'affine' })
  const ofContext = parameters.find(({ key }) => key === 'decode_ms_per_context_token')!
  expect(ofContext.isMeasured).toBe(true)
  expect(Math.abs(ofContext.value / (times * 0.0001) - 1)).toBeLessThan(0.15)
  expect(decodeErrorPercent).toBeLessThan(0.5)
})

test('factors on the roofline are found of a backend many times slower', () => {
  const roofline = rooflineOptionsOf(config.cluster)
  const slow = rooflineLatency({
    ...roofline,
    launchMsPerLayer: 0,
    timeScales: { matmul: 4, attention: 4, overhead: 4, communication: 1 },
  })
  const requests = measurements(100, 25, slow)
  const fit = calibrate({ config, requests, kind: 'roofline' })
  expect(fit.ttftErrorPercent).toBeLessThan(5)
  expect(Math.abs(fit.parameters[0]!.value / 4 - 1)).toBeLessThan(0.1)
})

test('milliseconds taken for seconds are doubted, in the profile too', () => {
  const seconds = loneRequests(8)
  const requests = seconds.map((request) => ({
    ...request,
    ttftMs: 1000 * request.ttftMs,
    e2eMs: 1000 * request.e2eMs,
  }))
  const { doubts, toml } = calibrate({ config, requests, kind: 'affine' })
  expect(doubts).toEqual([
    expect.stringMatching(/^requests took \d+ times as long as public figures say .* unit/),
  ])
  expect(toml).toContain(`# Doubtful: ${doubts[0]}.\n`)
  expect(parseConfig(toml).cluster.num_backends).toBe(1)
  expect(calibrate({ config, requests: seconds, kind: 'affine' }).doubts).toEqual([])
})

test('a fit that explains nothing says so', () => {
  const requests = loneRequests(8).map((request, i) => ({
    ...request,
    e2eMs: request.ttftMs + (request.e2eMs - request.ttftMs) * (i % 2 === 0 ? 1 : 8),
  }))
  const { doubts } = calibrate({ config, requests, kind: 'affine' })
  expect(doubts[0]).toMatch(/^the fit does not explain the measurements: .* model, gpu or tp/)
})

test('times far shorter than physics allows are refused', () => {
  const requests = loneRequests(8).map((request) => ({
    ...request,
    ttftMs: request.ttftMs / 1000,
    e2eMs: request.e2eMs / 1000,
  }))
  for (const kind of ['affine', 'roofline'] as const) {
    expect(() => calibrate({ config, requests, kind })).toThrow(
      /^measurements: expected times that the GPUs of the config allow at their peaks, got times \d+ times shorter$/,
    )
  }
})
