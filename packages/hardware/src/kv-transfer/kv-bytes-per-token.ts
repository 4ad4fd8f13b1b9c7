import { RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'

/** Shape of a model's KV cache. */
export interface KvShape {
  readonly numLayers: number
  /** Key-value heads: fewer than attention heads with grouped-query attention. */
  readonly numKvHeads: number
  /** Elements of one key or value of one head. */
  readonly headDim: number
  /** 2 for FP16 and BF16, the default; 1 for FP8. */
  readonly bytesPerElement?: number
}

/**
 * Bytes of KV cache of one token: a key and a value per layer and head,
 * 2 · layers · heads · head dimension · bytes per element.
 * @throws RouteSimError `kv_shape_invalid`
 *
 * @example
 * // Llama 3 70B
 * kvBytesPerToken({ numLayers: 80, numKvHeads: 8, headDim: 128 }) // => 327680
 */
export function kvBytesPerToken(shape: KvShape): number {
  const { numLayers, numKvHeads, headDim, bytesPerElement = 2 } = shape
  for (const [name, value] of Object.entries({ numLayers, numKvHeads, headDim })) {
    if (!(Number.isInteger(value) && value >= 1)) refuse(name, 'an integer >= 1', value)
  }
  if (!(bytesPerElement > 0 && bytesPerElement < Number.POSITIVE_INFINITY)) {
    refuse('bytesPerElement', 'a finite number > 0', bytesPerElement)
  }
  return 2 * numLayers * numKvHeads * headDim * bytesPerElement
}

function refuse(name: string, expected: string, value: number): never {
  throw new RouteSimError<HardwareErrorCode>(`${name}: expected ${expected}, got ${value}`, {
    code: 'kv_shape_invalid',
    path: name,
  })
}
