import { findAffineProfile } from '@routesim/hardware'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { Config } from '../config/schema.js'

/** Step times that differ from the config's in their shape, or in what a token costs. */
export interface LatencyVariant {
  readonly name: string
  /** Config values that make it. */
  readonly settings: Readonly<Record<string, unknown>>
}

type ComputeModel = DeploymentConfig['compute_model']

/** Predictions of step times are wrong by less than this as a rule. */
const FACTOR = 1.5

/**
 * The config's step times, and others that a ranking should survive: prompts or answers dearer or
 * cheaper by half, and another shape of the curve where there is one.
 */
export function latencyVariants({ cluster }: Config): LatencyVariant[] {
  const groups: readonly DeploymentConfig[] = cluster.backends ?? [cluster]
  const models = groups.map((group) => variantsOf(group.compute_model))
  const names = [...new Set(models.flatMap((variants) => [...variants.keys()]))]
  return [
    { name: 'as configured', settings: {} },
    ...names.map((name) => ({
      name,
      settings: Object.fromEntries(
        models.flatMap((variants, i) => {
          const path = cluster.backends === undefined ? 'cluster' : `cluster.backends.${i}`
          const model = variants.get(name)
          return model === undefined ? [] : [[`${path}.compute_model`, model]]
        }),
      ),
    })),
  ]
}

/** By name; none for step times that are measured or fixed. */
function variantsOf(model: ComputeModel): Map<string, object> {
  const scaled = (scale: (prefill: number, decode: number) => object): [string, object][] => [
    [`prompts ${FACTOR}x dearer`, scale(FACTOR, 1)],
    [`prompts ${FACTOR}x cheaper`, scale(1 / FACTOR, 1)],
    [`answers ${FACTOR}x dearer`, scale(1, FACTOR)],
    [`answers ${FACTOR}x cheaper`, scale(1, 1 / FACTOR)],
  ]
  switch (model.kind) {
    case 'piecewise':
      return new Map([
        ...scaled((p, d) => scaledPiecewise(model, p, d)),
        ['affine', affineOf(model)],
      ])
    case 'affine':
      return new Map(scaled((p, d) => scaledAffine(model, p, d)))
    case 'profile':
      return new Map(scaled((p, d) => scaledAffine(affineOfProfile(model.name), p, d)))
    case 'roofline':
      return new Map([
        ...scaled((prefill, decode) => ({
          ...model,
          matmul_scale: model.matmul_scale * prefill,
          attention_scale: model.attention_scale * decode,
          overhead_scale: model.overhead_scale * decode,
        })),
        ['roofline by kernel', { ...model, granularity: 'operator' }],
      ])
    case 'table':
    case 'mocker':
      return new Map()
  }
}

type Piecewise = Extract<ComputeModel, { kind: 'piecewise' }>
type Affine = Extract<ComputeModel, { kind: 'affine' }>

function scaledPiecewise(model: Piecewise, prefill: number, decode: number): Piecewise {
  return {
    ...model,
    prefill_tokens_per_sec: model.prefill_tokens_per_sec / prefill,
    decode_tokens_per_sec_batch1: model.decode_tokens_per_sec_batch1 / decode,
    decode_tokens_per_sec_saturated: model.decode_tokens_per_sec_saturated / decode,
  }
}

/** A straight line through a lone request and a saturated batch. */
function affineOf(model: Piecewise): object {
  const batch = model.decode_throughput_saturation_batch
  const loneMs = 1000 / model.decode_tokens_per_sec_batch1
  const fullMs = (1000 * batch) / model.decode_tokens_per_sec_saturated
  const perRequest = batch > 1 ? Math.max(0, (fullMs - loneMs) / (batch - 1)) : 0
  return {
    kind: 'affine',
    base_ms: Math.max(0, loneMs - perRequest),
    prefill_ms_per_token: 1000 / model.prefill_tokens_per_sec,
    decode_ms_per_request: perRequest,
  }
}

function affineOfProfile(name: string): Affine {
  const found = findAffineProfile(name)
  return {
    kind: 'affine',
    base_ms: found.baseMs,
    prefill_ms_per_token: found.prefillMsPerToken,
    decode_ms_per_request: found.decodeMsPerRequest,
    decode_ms_per_context_token: found.decodeMsPerContextToken,
    mixed_decode_ms_per_context_token: found.mixedDecodeMsPerContextToken,
    prefill_ms_per_attention_pair: found.prefillMsPerAttentionPair ?? 0,
  }
}

function scaledAffine(model: Affine, prefill: number, decode: number): Affine {
  const mixed = model.mixed_decode_ms_per_context_token
  return {
    ...model,
    base_ms: model.base_ms * decode,
    prefill_ms_per_token: model.prefill_ms_per_token * prefill,
    prefill_ms_per_attention_pair: model.prefill_ms_per_attention_pair * prefill,
    decode_ms_per_request: model.decode_ms_per_request * decode,
    decode_ms_per_context_token: model.decode_ms_per_context_token * decode,
    ...(mixed !== undefined && { mixed_decode_ms_per_context_token: mixed * decode }),
  }
}
