import { expect, test } from 'vitest'
import { adapterBytes, adapterParameters } from './adapter-bytes.js'
import { findModel, MODELS } from './find-model.js'
import type { LatentAttention } from './model.js'

test('adapters have the parameters that PEFT prints for all linear layers', () => {
  // "trainable params" of published fine-tuning runs with r = 16 on q, k, v, o, gate, up and down.
  expect(adapterParameters(findModel('Llama-3.1-8B'), 16)).toBe(41_943_040)
  expect(adapterParameters(findModel('Llama-3.2-3B'), 16)).toBe(24_313_856)
  expect(adapterParameters(findModel('Mistral-7B'), 16)).toBe(41_943_040)
  expect(adapterParameters(findModel('Qwen2.5-7B'), 16)).toBe(40_370_176)
})

test('by hand: GPUs share the sides of the heads and of the network, each has those of the residual stream', () => {
  const attention = 2 * (4096 + 4096 / 8) + 2 * (4096 + 1024 / 8)
  const network = 3 * (4096 + 14_336 / 8)
  const model = findModel('Llama-3.1-8B')
  expect(adapterParameters(model, 16, 8)).toBe(16 * 32 * (attention + network))
  // Each of 16 has a whole KV head.
  const more = adapterParameters(model, 16, 8) - adapterParameters(model, 16, 16)
  expect(more).toBe((16 * 32 * (2 * 4096 + 3 * 14_336)) / 16)
  // Of a latent attention, what compresses is not shared.
  const { layers, attention: mla } = findModel('DeepSeek-V3')
  const latent = mla as LatentAttention
  const halved =
    adapterParameters(findModel('DeepSeek-V3'), 1) -
    adapterParameters(findModel('DeepSeek-V3'), 1, 2)
  const perLayer = (latent.heads * (192 + 256 + 128)) / 2
  expect(halved).toBe(layers * perLayer + (3 * 3 * 18_432) / 2 + (58 * 3 * 2048) / 2)
})

test('by hand: gates and linear layers of Qwen3.5', () => {
  const [h, query, key, values] = [4096, 32 * 256, 2 * 256, 64 * 128]
  const attention = 2 * (h + query) + query + 2 * (h + key)
  // Queries, keys, values and their gate; two numbers per head; the output.
  const linear = h + 2 * 16 * 128 + 2 * values + (h + 2 * 64) + (values + h)
  const shared = 3 * (h + 1024)
  const model = findModel('Qwen3.5-397B-A17B')
  expect(adapterParameters(model, 1)).toBe(15 * attention + 45 * linear + 60 * shared)
})

test.each(MODELS.map((model) => [model.name, model] as const))(
  '%s: in proportion to the rank, and a small part of the model',
  (_, model) => {
    expect(adapterBytes(model, 32)).toBe(2 * adapterBytes(model, 16))
    expect(adapterBytes(model, 16)).toBeGreaterThan(model.layers * 16 * 2 * 4 * model.hiddenSize)
    expect(adapterBytes(model, 16)).toBeLessThan(1.5e9)
  },
)
