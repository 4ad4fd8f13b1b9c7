/**
 * The number a fraction (0 to below 1) of the way between two others, from the nearer end, as numpy
 * does it.
 */
export function interpolate(below: number, above: number, fraction: number): number {
  const distance = above - below
  return fraction < 0.5 ? below + distance * fraction : above - distance * (1 - fraction)
}
