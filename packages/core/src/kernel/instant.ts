/**
 * Times that differ by less than this share are one instant. Sums of many steps differ in the last bits
 * with the order in which they are added; what comes first must not depend on these bits.
 */
const SAME_INSTANT = 1e-11

/** The last time that belongs to the instant that begins at a time, in ms. */
export function instantEnd(startMs: number): number {
  return startMs + startMs * SAME_INSTANT
}

/** The first time that belongs to the instant that ends at a time, in ms. */
export function instantStart(endMs: number): number {
  return endMs - endMs * SAME_INSTANT
}

/** True when a time is earlier than the instant of another. */
export function isEarlier(timeMs: number, otherMs: number): boolean {
  return timeMs < instantStart(otherMs)
}
