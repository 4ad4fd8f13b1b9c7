import { expect, test } from 'vitest'
import { kvBytesPerToken } from './kv-bytes-per-token.js'

const llama70b = { numLayers: 80, numKvHeads: 8, headDim: 128 }

test('Llama 3 70B keeps 320 KiB per token in FP16 and half of it in FP8', () => {
  expect(kvBytesPerToken(llama70b)).toBe(320 * 1024)
  expect(kvBytesPerToken({ ...llama70b, bytesPerElement: 1 })).toBe(160 * 1024)
})

test.each([
  [{ numLayers: 0 }, 'numLayers: expected an integer >= 1, got 0'],
  [{ headDim: 0.5 }, 'headDim: expected an integer >= 1, got 0.5'],
  [{ bytesPerElement: 0 }, 'bytesPerElement: expected a finite number > 0, got 0'],
  [{ bytesPerElement: Infinity }, 'bytesPerElement: expected a finite number > 0, got Infinity'],
])('refuses %j', (wrong, message) => {
  expect(() => kvBytesPerToken({ ...llama70b, ...wrong })).toThrow(message)
})
