import type { StepCosts } from '../cluster/scaled-latency.js'
import type { DeploymentConfig } from '../config/deployment-schema.js'
import type { Config } from '../config/schema.js'

/** Step times that differ from the config's in their shape, or in what prompts or answers cost. */
export interface LatencyVariant {
  readonly name: string
  /** Config values that make it. */
  readonly settings: Readonly<Record<string, unknown>>
  /** In parts of what those values say; as they say when absent. */
  readonly stepCosts?: StepCosts
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
  const shapes = groups.map((group) => otherShape(group.compute_model))
  const names = new Set(shapes.flatMap((shape) => shape?.name ?? []))
  const costs = (name: string, prompts: number, answers: number): LatencyVariant => ({
    name,
    settings: {},
    stepCosts: { prompts, answers },
  })
  return [
    { name: 'as configured', settings: {} },
    costs(`prompts ${FACTOR}x dearer`, FACTOR, 1),
    costs(`prompts ${FACTOR}x cheaper`, 1 / FACTOR, 1),
    costs(`answers ${FACTOR}x dearer`, 1, FACTOR),
    costs(`answers ${FACTOR}x cheaper`, 1, 1 / FACTOR),
    ...[...names].map((name) => ({
      name,
      settings: Object.fromEntries(
        shapes.flatMap((shape, i) => {
          const path = cluster.backends === undefined ? 'cluster' : `cluster.backends.${i}`
          return shape?.name === name ? [[`${path}.compute_model`, shape.model]] : []
        }),
      ),
    })),
  ]
}

/** Another shape of a curve; none for one that is fitted, measured or fixed. */
function otherShape(model: ComputeModel): { name: string; model: object } | undefined {
  switch (model.kind) {
    case 'piecewise':
      return { name: 'affine', model: affineOf(model) }
    case 'roofline':
      return { name: 'roofline by kernel', model: { ...model, granularity: 'operator' } }
    default:
      return undefined
  }
}

type Piecewise = Extract<ComputeModel, { kind: 'piecewise' }>

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
