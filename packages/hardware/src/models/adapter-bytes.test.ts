import { expect, test } from 'vitest'
import { adapterBytes, adapterParameters } from './adapter-bytes.js'
import { findModel, MODELS } from './find-model.js'

test('adapters have the parameters that PEFT prints for all linear layers', () => {
  // "trainable params" of published fine-tuning runs with r = 16 on q, k, v, o, gate, up and down.
  expect(adapterParameters(findModel('Llama-3.1-8B'), 16)).toBe(41_943_040)
  expect(adapterParameters(findModel('Llama-3.2-3B'), 16)).toBe(24_313_856)
  expect(adapterParameters(findModel('Mistral-7B'), 16)).toBe(41_943_040)
  expect(adapterParameters(findModel('Qwen2.5-7B'), 16)).toBe(40_370_176)
})

test.each(MODELS.map((model) => [model.name, model] as const))(
  '%s: in proportion to the rank, and a small part of the model',
  (_, model) => {
    expect(adapterBytes(model, 32)).toBe(2 * adapterBytes(model, 16))
    expect(adapterBytes(model, 16)).toBeGreaterThan(model.layers * 16 * 2 * 4 * model.hiddenSize)
    expect(adapterBytes(model, 16)).toBeLessThan(1.5e9)
  },
)
