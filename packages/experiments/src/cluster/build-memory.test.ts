import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { buildFleet } from './build-cluster.js'

const specOf = (toml: string) =>
  buildFleet(parseConfig(`[cluster]\nnum_backends = 1\n${toml}`)).cluster.backends[0]!

test('no tiers and no slots unless asked for', () => {
  const { kv, adapters } = specOf('')
  expect(kv.tiers).toBeUndefined()
  expect(adapters).toBeUndefined()
})

test('host memory of Llama 70B: 16 tokens are 5.24 MB, of which each of 4 GPUs loads a quarter', () => {
  const { kv } = specOf(
    'model = "Llama-3.1-70B"\ntp = 4\n[cluster.kv_offload]\ncpu_gb = 100\ndisk_gb = 1000',
  )
  const blockBytes = 16 * 327_680
  const [cpu, disk] = kv.tiers!
  expect(cpu).toMatchObject({
    name: 'cpu',
    blocks: Math.floor(100e9 / blockBytes),
    latencyMs: 0.02,
  })
  expect(cpu!.msPerBlock).toBeCloseTo(blockBytes / 4 / 50.4e6, 12)
  expect(disk).toMatchObject({ name: 'disk', latencyMs: 0.1 })
  expect(disk!.msPerBlock).toBeCloseTo(blockBytes / 6.3e6, 12)
})

test('room for one block is enough, and less is refused with what a block takes', () => {
  const blocksOf = (gigabytes: number) =>
    specOf(`model = "Llama-3.1-70B"\ntp = 4\n[cluster.kv_offload]\ncpu_gb = ${gigabytes}`).kv
      .tiers![0]!.blocks
  expect(blocksOf(0.006)).toBe(1)
  expect(() => blocksOf(0.005)).toThrow(
    'cluster.kv_offload.cpu_gb: expected room for a KV block of 0.00524288 GB, got 0.005',
  )
})

test('blocks of a disk are as many as are said', () => {
  const { kv } = specOf('[cluster.kv_offload]\ncpu_blocks = 20\ndisk_blocks = 1000')
  expect(kv.tiers!.map(({ name, blocks }) => [name, blocks])).toEqual([
    ['cpu', 20],
    ['disk', 1000],
  ])
})

test('latent attention lies on every GPU, and each loads all of it', () => {
  const one = specOf('model = "DeepSeek-V2-Lite"\n[cluster.kv_offload]\ncpu_gb = 10').kv.tiers![0]!
  const two = specOf('model = "DeepSeek-V2-Lite"\ntp = 2\n[cluster.kv_offload]\ncpu_gb = 10')
  expect(two.kv.tiers![0]!.msPerBlock).toBe(one.msPerBlock)
  expect(two.kv.tiers![0]!.blocks).toBe(Math.floor(one.blocks / 2))
})

test('a link of the catalogue in place of bandwidth and latency', () => {
  const at = (link: string) =>
    specOf(`[cluster.kv_offload]\ncpu_blocks = 10\n${link}`).kv.tiers![0]!.msPerBlock
  expect(at('cpu_link = "PCIe 4.0 x16"')).toBeCloseTo(2 * at(''), 9)
})

test('adapters take their size over a link, or what is said', () => {
  const llama = 'model = "Llama-3.1-8B"\n[cluster.lora]\nmax_loras = 4'
  // 41,943,040 parameters of 2 bytes.
  expect(specOf(llama).adapters!.loadMs).toBeCloseTo(83.88608 / 50.4, 12)
  expect(specOf(`${llama}\nrank = 32`).adapters!.loadMs).toBeCloseTo((2 * 83.88608) / 50.4, 12)
  expect(specOf(`${llama}\nload_ms = 7`).adapters).toEqual({ slots: 4, loadMs: 7 })
})

test('adapters are loaded by all GPUs at once: half of their sides are shared by tp, their layers by pp', () => {
  const msOf = (tp: number, pp: number): number =>
    specOf(`model = "Llama-3.1-8B"\ntp = ${tp}\npp = ${pp}\n[cluster.lora]\nmax_loras = 4`)
      .adapters!.loadMs
  expect(msOf(1, 4)).toBeCloseTo(msOf(1, 1) / 4, 12)
  // A stage of 11 of the 32 layers.
  expect(msOf(1, 3)).toBeCloseTo((msOf(1, 1) * 11) / 32, 12)
  expect(msOf(8, 1)).toBeCloseTo((2 * 18_087_936) / 50.4e6, 12)
})

test('groups of backends have memory of their own', () => {
  const { cluster } = buildFleet(
    parseConfig(
      '[cluster]\n[cluster.lora]\nmax_loras = 2\nload_ms = 1\n[[cluster.backends]]\n[cluster.backends.kv_offload]\ncpu_blocks = 5\n[[cluster.backends]]\n[cluster.backends.lora]\nmax_loras = 3\nload_ms = 2',
    ),
  )
  expect(cluster.backends.map(({ kv }) => kv.tiers?.[0]?.blocks)).toEqual([5, undefined])
  expect(cluster.backends.map(({ adapters }) => adapters?.slots)).toEqual([2, 3])
})

test.each([
  [
    'prefix_caching = false\n[cluster.kv_offload]\ncpu_gb = 1',
    'cluster.kv_offload: expected no memory for evicted blocks because prefix_caching is false',
  ],
  [
    '[cluster.lora]\nmax_loras = 2',
    'cluster.lora.load_ms: expected a number >= 0 because no model',
  ],
  ['[cluster.lora]\nmax_loras = 0', 'cluster.lora.max_loras: expected an integer >= 1, got 0'],
  ['[cluster.kv_offload]\ncpu_gb = 0', 'cluster.kv_offload.cpu_gb: expected a number > 0, got 0'],
  ['[cluster.kv_offload]\ncpu_link = "PCI 4"', 'unknown link "PCI 4"'],
  ['[cluster.kv_offload]\ncpu_size = 1', 'cpu_size'],
  [
    '[[cluster.backends]]\n[cluster.backends.lora]\nmax_loras = 2',
    'cluster.backends.0.lora.load_ms: expected a number >= 0 because no model',
  ],
])('refused: %s', (toml, message) => {
  expect(() => specOf(toml)).toThrow(message)
})

test('memory that has no room for a block is refused', () => {
  expect(() => specOf('[cluster.kv_offload]\ncpu_gb = 0.001')).toThrow(
    'cluster.kv_offload.cpu_gb: expected room for a KV block of 0.00524288 GB, got 0.001',
  )
})

/** Gemma 3 27B keeps 8192 bytes a token and layer, in 10 layers of all tokens and in 52 of the last 1024. */
const gemma = 'model = "gemma-3-27b"\ntp = 2\nkv_context_tokens = 16384\n'
const gemmaBytes = (8192 * (10 * 16_384 + 52 * 1024)) / 16_384

test('lower tiers and swaps move no KV that windows have dropped', () => {
  const { kv, swapMsPerToken, kvBytesPerToken } = specOf(
    `${gemma}swap_bandwidth_gb_s = 10\n[cluster.kv_offload]\ncpu_gb = 16.252928`,
  )
  expect(kvBytesPerToken).toBe(gemmaBytes)
  expect(kv.tiers![0]!.blocks).toBe(Math.floor(16.252928e9 / (16 * gemmaBytes)))
  expect(kv.tiers![0]!.msPerBlock).toBeCloseTo((16 * gemmaBytes) / 2 / 50.4e6, 9)
  expect(swapMsPerToken).toBeCloseTo(gemmaBytes / 2 / 10e6, 12)
})

test('KV caches of long prompts are sent without what windows have dropped', async () => {
  const e2eMs = async (key: string, bandwidth: number): Promise<number> => {
    const config = parseConfig(`[cluster]
num_backends = 2
model = "gemma-3-27b"
gpu = "h100-sxm"
${key}
[cluster.disaggregated]
enabled = true
prefill_backends = 1
decode_backends = 1
kv_transfer_latency_us = 0
kv_transfer_bandwidth_gb_s = ${bandwidth}
[workload]
requests = 3
prompt_tokens = 16000
output_tokens = 2
arrivals = { kind = "constant", rate_rps = 0.05 }
`)
    const { results } = await compare({ config, algorithms: ['random'] })
    return (results[0] as RunSummary).end_to_end_latency.p50!
  }
  const sentMs = async (key: string) => (await e2eMs(key, 1)) - (await e2eMs(key, 1e6))
  expect(await sentMs('')).toBeCloseTo((16_000 * 62 * 8192) / 1e6, 0)
  expect(await sentMs('kv_context_tokens = 16384')).toBeCloseTo((16_000 * gemmaBytes) / 1e6, 0)
  // Of 16,000 tokens: 8192 x (10 x 16,000 + 52 x 1024).
  expect(await sentMs('kv_context_tokens = 16000')).toBeCloseTo(1747, 0)
})

test('over a link by name every GPU sends its part of a KV cache; a bandwidth in numbers is that of a backend', () => {
  const shareOf = (keys: string, transfer: string): number | undefined =>
    specOf(`${keys}\n[cluster.disaggregated]\n${transfer}`).kvLinkShare
  const link = 'kv_transfer_link = "InfiniBand NDR"'
  const llama = 'model = "llama-3.1-70b"\ngpu = "h200"'
  expect(shareOf(`${llama}\ntp = 4`, link)).toBe(1 / 4)
  expect(shareOf(`${llama}\ntp = 4\npp = 2`, link)).toBe(1 / 8)
  // Eight KV heads, of which sixteen GPUs have one each.
  expect(shareOf(`${llama}\ntp = 16`, link)).toBe(1 / 8)
  // Each GPU has the whole latent, and needs it.
  expect(shareOf('model = "deepseek-v3"\ngpu = "h200"\ntp = 8', link)).toBe(1)
  expect(shareOf(`${llama}\ntp = 4`, 'kv_transfer_bandwidth_gb_s = 50')).toBeUndefined()
})
