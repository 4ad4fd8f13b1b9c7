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

/** What products with weights are computed in. */
export type ComputePrecision = 'bf16' | 'fp8' | 'int8' | 'fp4'

/** How weights are stored, and what products with them are computed in. */
export interface WeightFormat {
  /** Scales included. */
  readonly bytesPerWeight: number
  readonly computes: ComputePrecision
}

/**
 * Formats of the precisions: NVFP4 has an 8-bit scale per 16 weights, MXFP4 one per 32 (OCP Microscaling Formats 1.0),
 * INT4 (AWQ, GPTQ) a 16-bit scale and a 4-bit zero point per 128, that of experts alone a 16-bit scale per 32. Weights
 * of INT4 are widened to 16 bits for the products; those of MXFP4 meet 8-bit activations.
 */
export const WEIGHT_FORMATS: Readonly<Record<WeightPrecision, WeightFormat>> = {
  bf16: { bytesPerWeight: 2, computes: 'bf16' },
  fp8: { bytesPerWeight: 1, computes: 'fp8' },
  int8: { bytesPerWeight: 1, computes: 'int8' },
  fp4: { bytesPerWeight: (4 + 8 / 16) / 8, computes: 'fp4' },
  int4: { bytesPerWeight: (4 + 20 / 128) / 8, computes: 'bf16' },
  mxfp4: { bytesPerWeight: (4 + 8 / 32) / 8, computes: 'fp8' },
  int4_experts: { bytesPerWeight: (4 + 16 / 32) / 8, computes: 'bf16' },
}

/** Whether a precision is of routed experts alone. */
export function isOfExperts(precision: WeightPrecision): boolean {
  return precision === 'mxfp4' || precision === 'int4_experts'
}

/** Bytes per element of a KV cache. */
export const BYTES_PER_KV_ELEMENT: Readonly<Record<KvPrecision, number>> = { bf16: 2, fp8: 1 }
