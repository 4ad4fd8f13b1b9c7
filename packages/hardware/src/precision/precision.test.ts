import { expect, test } from 'vitest'
import { WEIGHT_FORMATS } from './precision.js'

test('by hand: bytes of a block of weights with its scales', () => {
  expect(16 * WEIGHT_FORMATS.fp4.bytesPerWeight).toBe(16 / 2 + 1)
  expect(32 * WEIGHT_FORMATS.mxfp4.bytesPerWeight).toBe(32 / 2 + 1)
  const bytes = [WEIGHT_FORMATS.bf16, WEIGHT_FORMATS.fp8, WEIGHT_FORMATS.int8]
  expect(bytes.map(({ bytesPerWeight }) => bytesPerWeight)).toEqual([2, 1, 1])
})
