/**
 * Times of a run that differ by less than this share are one instant, as in the engine: they are sums of many
 * steps, whose last digits are rounded.
 */
const SAME_INSTANT = 1e-11

/**
 * Whether no more than a target lies between two times of a run, all in ms. As the times are rounded, so is
 * their difference: it may exceed the target by 1e-11 of the later time, which is a microsecond in a day.
 */
export function isWithin(fromMs: number, toMs: number, targetMs: number): boolean {
  return toMs - fromMs <= targetMs + toMs * SAME_INSTANT
}
