/**
 * Number formats of weights: `mxfp4` and `int4_experts` quantise the routed experts of a mixture only, as gpt-oss and
 * Kimi-K2.5 ship.
 */
export type WeightPrecision = 'bf16' | 'fp8' | 'int8' | 'fp4' | 'int4' | 'mxfp4' | 'int4_experts'

/** Number formats of KV caches. */
export type KvPrecision = 'bf16' | 'fp8'

/** All precisions of KV caches, widest first. */
export const KV_PRECISIONS: readonly KvPrecision[] = ['bf16', 'fp8']

/** All weight precisions, widest first. */
export const WEIGHT_PRECISIONS: readonly WeightPrecision[] = [
  'bf16',
  'fp8',
  'int8',
  'fp4',
  'int4',
  'mxfp4',
  'int4_experts',
]

/**
 * Bytes per weight, scales included: NVFP4 has an 8-bit scale per 16 weights, MXFP4 one per 32
 * (OCP Microscaling Formats 1.0), INT4 (AWQ, GPTQ) a 16-bit scale and a 4-bit zero point per 128, that of experts alone
 * a 16-bit scale per 32.
 */
export const BYTES_PER_WEIGHT: Readonly<Record<WeightPrecision, number>> = {
  bf16: 2,
  fp8: 1,
  int8: 1,
  fp4: (4 + 8 / 16) / 8,
  int4: (4 + 20 / 128) / 8,
  mxfp4: (4 + 8 / 32) / 8,
  int4_experts: (4 + 16 / 32) / 8,
}

/** What the weights outside the routed experts are in. */
export function densePrecision(precision: WeightPrecision): WeightPrecision {
  return precision === 'mxfp4' || precision === 'int4_experts' ? 'bf16' : precision
}

/** Bytes per element of a KV cache. */
export const BYTES_PER_KV_ELEMENT: Readonly<Record<KvPrecision, number>> = { bf16: 2, fp8: 1 }
