import {
  activeParameterCount,
  GPUS,
  type Gpu,
  kvBytesOfContext,
  MODELS,
  type Model,
  parameterCount,
  stateBytesPerRequest,
  weightBytes,
} from '@routesim/hardware'

/** A model of the catalogue and what follows from its figures. */
export interface ModelInfo extends Model {
  readonly parameters: number
  /** Parameters that one token visits. */
  readonly activeParameters: number
  /** In the precision of the published checkpoint. */
  readonly weightBytes: number
  /** Of one token in all layers at 16 bits. */
  readonly kvBytesPerToken: number
  /** Of the states of linear layers, 0 without any. */
  readonly stateBytesPerRequest: number
}

/** The models that configs may name. */
export function listModels(): ModelInfo[] {
  return MODELS.map((model) => ({
    ...model,
    parameters: parameterCount(model),
    activeParameters: activeParameterCount(model),
    weightBytes: weightBytes(model),
    kvBytesPerToken: kvBytesOfContext(model, 1),
    stateBytesPerRequest: stateBytesPerRequest(model),
  }))
}

/** The GPUs that configs may name. */
export function listGpus(): readonly Gpu[] {
  return GPUS
}
