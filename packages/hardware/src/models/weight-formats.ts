import {
  isOfExperts,
  WEIGHT_FORMATS,
  WEIGHT_PRECISIONS,
  type WeightPrecision,
} from '../precision/precision.js'
import type { FormatShare, Model, WeightPart } from './model.js'

/** What the weights of a part are in, in a checkpoint of some precision. */
export function formatsOf(
  { checkpoints }: Model,
  precision: WeightPrecision,
  part: WeightPart,
): readonly FormatShare[] {
  return checkpoints?.[precision]?.parts?.[part] ?? [usualFormat(precision, part)]
}

/** What they are in where no checkpoint says otherwise. */
export function usualFormat(precision: WeightPrecision, part: WeightPart): FormatShare {
  const own = part !== 'experts' && isOfExperts(precision) ? 'bf16' : precision
  return { format: WEIGHT_FORMATS[own], share: 1 }
}

/** Bytes per weight of a part, on average. */
export function bytesPerWeight(model: Model, precision: WeightPrecision, part: WeightPart): number {
  return formatsOf(model, precision, part).reduce(
    (sum, { format, share }) => sum + share * format.bytesPerWeight,
    0,
  )
}

/** What was expected in place of a precision that a model cannot have; undefined if it can. */
export function expectedPrecision(model: Model, precision: WeightPrecision): string | undefined {
  if (model.experts !== undefined || !isOfExperts(precision)) return undefined
  const others = WEIGHT_PRECISIONS.filter((each) => !isOfExperts(each))
  return `one of ${others.join(', ')}, as ${model.name} has no experts`
}
