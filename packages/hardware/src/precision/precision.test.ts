import { expect, test } from 'vitest'
import { BYTES_PER_WEIGHT } from './precision.js'

test('by hand: bytes of a block of weights with its scales', () => {
  expect(16 * BYTES_PER_WEIGHT.fp4).toBe(16 / 2 + 1)
  expect(32 * BYTES_PER_WEIGHT.mxfp4).toBe(32 / 2 + 1)
  expect(BYTES_PER_WEIGHT).toMatchObject({ bf16: 2, fp8: 1, int8: 1 })
})
