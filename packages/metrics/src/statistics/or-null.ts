/** The number, or null when it is not finite: JSON has neither NaN nor Infinity. */
export function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
