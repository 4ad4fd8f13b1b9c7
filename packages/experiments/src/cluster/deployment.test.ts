import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EMPTY_STEP, RequestTableBuilder } from '@routesim/core'
import { afterAll, describe, expect, test } from 'vitest'
import { loadConfig, parseConfig } from '../config/parse-config.js'
import { buildFleet, type Stepper } from './build-cluster.js'

const folder = mkdtempSync(join(tmpdir(), 'routesim-deployment-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fleetOf(cluster: string): ReturnType<typeof buildFleet> {
  return buildFleet(parseConfig(`[cluster]\nnum_backends = 2\n${cluster}`))
}

const step = {
  prefillTokens: 0,
  prefillRequests: 0,
  prefillAttentionPairs: 0,
  decodeRequests: 8,
  decodeContextTokens: 8000,
}

describe('a cluster with a model', () => {
  const llama =
    'model = "llama-3.1-70b"\ngpu = "h100-sxm"\ntp = 4\nprecision = "fp8"\nengine = "vllm"'

  test('has the step times of a roofline, the limits of the engine and the blocks that fit', () => {
    const { cluster, gpu, pricePerHour } = fleetOf(llama)
    const { latency, kv, maxBatchTokens, maxNumSeqs } = cluster.backends[0]!
    expect(gpu).toBe('H100 SXM')
    expect(pricePerHour).toEqual([14, 14])
    expect(latency.name).toBe('roofline')
    // 12.1 ms measured at 8 requests of 1024 + 1024 tokens (ai-dynamo/aiconfigurator 095f58a).
    expect(latency.stepMs(step)).toBeGreaterThan(10.5)
    expect(latency.stepMs(step)).toBeLessThan(12.5)
    expect({ maxBatchTokens, maxNumSeqs }).toEqual({ maxBatchTokens: 8192, maxNumSeqs: 1024 })
    expect(kv.blockTokens).toBe(16)
    expect(kv.blocks * 16).toBeGreaterThan(600_000)
    expect(cluster.kvTransfer?.bytesPerToken).toBe(327_680)
  })

  test('holds more tokens of long requests where layers have windows', () => {
    const blocks = (keys = '') =>
      fleetOf(`model = "gpt-oss-120b"\ngpu = "h200"\n${keys}`).cluster.backends[0]!.kv.blocks
    expect(blocks('kv_context_tokens = 131072') / blocks()).toBeCloseTo(2, 1)
    expect(blocks('kv_context_tokens = 100')).toBe(blocks())
  })

  test('an engine of before waits for its scheduler, and its graphs end at each of 80 layers', () => {
    const msOf = (keys: string): number =>
      fleetOf(
        `${llama}\ncompute_model = { kind = "roofline"${keys} }`,
      ).cluster.backends[0]!.latency.stepMs(step)
    const now = msOf('')
    expect(msOf(', host_ms_per_step = 2.5') - now).toBeCloseTo(2.5, 9)
    expect(msOf(', cuda_graphs = "piecewise"') - now).toBeCloseTo(80 * 0.0167, 2)
    expect(msOf(', cuda_graphs = "full"')).toBe(now)
    expect(() =>
      fleetOf(`${llama}\ncompute_model = { kind = "roofline", cuda_graphs = "ful" }`),
    ).toThrow('cluster.compute_model.cuda_graphs: expected one of "full", "piecewise", got "ful"')
  })

  test('short prompts wait for their kernels to be launched, but where graphs reach that far', () => {
    const msOf = (model: string, engine: string, prefillTokens: number, keys = ''): number =>
      fleetOf(
        `model = "${model}"\ngpu = "b200"\ntp = 8\nengine = "${engine}"\ncompute_model = { kind = "roofline"${keys} }`,
      ).cluster.backends[0]!.latency.stepMs({ ...EMPTY_STEP, prefillTokens, prefillRequests: 1 })
    // sgl-project/sglang, pull request 12160: 82.65 ms.
    for (const engine of ['sglang', 'trtllm']) {
      expect(msOf('deepseek-v3', engine, 1)).toBeCloseTo(82.65 + 0.03, 2)
      expect(msOf('deepseek-v3', engine, 1, ', launch_ms_per_layer = 0')).toBeLessThan(30)
      // 80 layers of what one of Qwen3-4B takes, 16.61 ms for 36.
      expect(msOf('llama-3.1-70b', engine, 1)).toBeCloseTo((80 * 16.613) / 36 + 0.03, 2)
    }
    expect(msOf('llama-3.1-70b', 'vllm', 512)).toBeLessThan(20)
    expect(msOf('llama-3.1-70b', 'vllm', 513)).toBeCloseTo((80 * 16.613) / 36 + 0.03, 2)
    expect(msOf('llama-3.1-70b', 'vllm', 513, ', prompt_graph_tokens = 1024')).toBeLessThan(20)
    expect(msOf('llama-3.1-70b', 'vllm', 513, ', launch_ms_per_layer = 2')).toBeGreaterThan(160)
  })

  test('keeps what the config says', () => {
    const { cluster } = fleetOf(`${llama}
max_batch_tokens = 2048
kv_cache_blocks = 1000
kv_precision = "fp8"
disaggregated = { kv_transfer_link = "InfiniBand NDR" }
[cluster.compute_model]
kind = "profile"
name = "llama-3.1-70b fp8 h100 tp4 vllm"`)
    const { latency, kv, maxBatchTokens } = cluster.backends[0]!
    expect({ name: latency.name, blocks: kv.blocks, maxBatchTokens }).toEqual({
      name: 'affine',
      blocks: 1000,
      maxBatchTokens: 2048,
    })
    expect(cluster.kvTransfer).toEqual({
      latencyMs: 0.005,
      bandwidthBytesPerSec: 45e9,
      bytesPerToken: 163_840,
      contention: 'none',
    })
  })

  test('an engine alone changes limits, not step times', () => {
    const { cluster } = fleetOf('engine = "trtllm"')
    const { latency, kv, chunkedPrefill } = cluster.backends[0]!
    expect({ name: latency.name, kv, chunkedPrefill }).toEqual({
      name: 'piecewise',
      kv: { blocks: 16_384, blockTokens: 32 },
      chunkedPrefill: false,
    })
  })

  test('may be a config.json beside the config, as may be a table of step times', async () => {
    const model = {
      model_type: 'llama',
      hidden_size: 4096,
      intermediate_size: 14336,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      vocab_size: 128256,
    }
    writeFileSync(join(folder, 'my-model.json'), JSON.stringify(model))
    const rows = ['0,1,0,10', '0,9,0,18', '1000,0,0,50', '1000,1,0,60', '1000,9,0,68']
    const csv = ['prefill_tokens,decode_requests,context_tokens,step_ms', ...rows].join('\n')
    writeFileSync(join(folder, 'steps.csv'), csv)
    const config = `[cluster]
num_backends = 1
model = "my-model.json"
[cluster.compute_model]
kind = "table"
path = "steps.csv"`
    writeFileSync(join(folder, 'bench.toml'), config)
    const { cluster } = buildFleet(await loadConfig(join(folder, 'bench.toml')))
    expect(cluster.backends[0]!.latency.stepMs(step)).toBe(17)
    expect(cluster.kvTransfer?.bytesPerToken).toBe(131_072)
    mkdirSync(join(folder, 'models/mine'), { recursive: true })
    writeFileSync(join(folder, 'models/mine/config.json'), JSON.stringify(model))
    const named = async (path: string): Promise<number | undefined> => {
      writeFileSync(join(folder, 'bench.toml'), config.replace('my-model.json', path))
      return buildFleet(await loadConfig(join(folder, 'bench.toml'))).cluster.kvTransfer
        ?.bytesPerToken
    }
    expect(await named('models/mine')).toBe(131_072)
    mkdirSync(join(folder, 'mine'))
    await expect(named('mine')).rejects.toThrow(
      /cluster.model: .*mine: expected a folder with a config.json, got one without$/,
    )
    writeFileSync(join(folder, 'mine/config.json'), JSON.stringify(model))
    expect(await named('mine')).toBe(131_072)
    // A folder of a download does not stand in for the model of the catalogue.
    mkdirSync(join(folder, 'qwen3-8b'))
    expect(await named('qwen3-8b')).toBe(147_456)
  })

  test('the mocker takes the KV cache of the cluster', () => {
    const { cluster } = fleetOf('kv_cache_blocks = 1000\ncompute_model = { kind = "mocker" }')
    expect(cluster.backends[0]!.latency.stepMs({ ...step })).toBeCloseTo(26.31, 9)
  })
})

test.each([
  [
    'model = "llama-3.1-71b"',
    /^config:3:1 cluster.model: unknown model "llama-3.1-71b": did you mean/,
  ],
  [
    'model = "mine/llama"',
    /: unknown model "mine\/llama".*, or the path of any model's config.json$/,
  ],
  [
    'model = "llama-3.1-8b"\nprecision = "int9"',
    /^config:4:1 cluster.precision: expected one of "bf16", "fp8", .*, got "int9"$/,
  ],
  [
    'model = "llama-3.1-8b"\nkv_precision = "int8"',
    /^config:4:1 cluster.kv_precision: expected one of "bf16", "fp8", got "int8"$/,
  ],
  [
    'model = "llama-3.1-8b"\ntp = 2\ncompute_model = { kind = "roofline", link = "NVLink 9" }',
    /^config:5:\d+ cluster.compute_model.link: unknown link "NVLink 9"[^\n]*$/,
  ],
  ['model = "nowhere.json"', /^config:3:1 cluster.model: nowhere.json: no such file/],
  ['engine = "vlm"', /^config:3:1 cluster.engine: unknown engine "vlm": did you mean "vllm"\?/],
  ['gpu = "h1000"', /^config:3:1 cluster.gpu: unknown GPU "h1000"/],
  [
    'model = "llama-3.1-70b"',
    /^config:3:1 cluster.model: Llama-3.1-70B in bf16 on 1 x H100 SXM: expected room/,
  ],
  ['model = "llama-3.1-8b"\ntp = 3', /^config:4:1 cluster.tp: expected a divisor of the 32 heads/],
  ['compute_model = { kind = "roofline" }', /cluster.model: expected the name of a model because/],
  [
    'gpu_memory_utilization = 1.5',
    /^config:3:1 cluster.gpu_memory_utilization: expected a number > 0 and <= 1, got 1.5/,
  ],
  [
    'model = "llama-3.1-8b"\ngpu = "l4"\nengine = "sglang"\nmax_batch_tokens = 16384',
    /^config:6:1 cluster.max_batch_tokens: expected fewer tokens: what sglang sets aside for them is all the memory of L4, got 16384$/,
  ],
  [
    'model = "llama-3.1-405b"\ngpu = "t4"\nengine = "sglang"\ntp = 8\npp = 16',
    /^config:6:1 cluster.tp: expected fewer GPUs: what sglang sets aside for them is all the memory of T4, got tp x pp = 128$/,
  ],
  [
    'compute_model = { kind = "profile", name = "x" }',
    /cluster.compute_model.name: unknown affine profile "x"/,
  ],
])('%s is refused', (line, message) => {
  expect(() => parseConfig(`[cluster]\nnum_backends = 2\n${line}`)).toThrow(message)
})

test('a fleet with blocks of one token is as large as it may be, where no block is kept by itself', () => {
  const sglang =
    'num_backends = 512\nmodel = "llama-3.1-8b"\ngpu = "b200"\nengine = "sglang"\nprecision = "fp8"\nkv_precision = "fp8"\ntp = 8'
  const config = parseConfig(`[cluster]\n${sglang}`)
  const kvCacheOf = (stepper: Stepper): unknown => {
    const { kvCache, backends } = buildFleet(config, stepper).cluster
    const requests = new RequestTableBuilder().build()
    return kvCache(
      requests,
      backends.map(({ kv }) => kv),
    )
  }
  expect(config.cluster.kv_cache_blocks).toBeGreaterThan(2 ** 24)
  expect(kvCacheOf('fast')).toBeDefined()
  expect(() => kvCacheOf('reference')).toThrow(
    expect.objectContaining({
      code: 'kv_blocks_too_many',
      message: expect.stringMatching(/^expected at most 134217728 KV blocks in all backends where/),
      hint: expect.stringContaining('fewer blocks (cluster.kv_cache_blocks)'),
    }),
  )
})

test('an engine without a model has any number of tokens in a step', () => {
  const sglang = 'num_backends = 1\nengine = "sglang"\ngpu = "l4"\nmax_batch_tokens = 16384'
  expect(parseConfig(`[cluster]\n${sglang}`).cluster.gpu_memory_utilization).toBeUndefined()
})

test('a table that is not there names the key', () => {
  expect(() => fleetOf('compute_model = { kind = "table", path = "nowhere.csv" }')).toThrow(
    expect.objectContaining({
      code: 'latency_unreadable',
      message: 'cluster.compute_model.path: nowhere.csv: no such file',
    }),
  )
})
