/** The number to five significant digits, which no picture shows; null when it is not finite. */
export function roundValue(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(5)) : null
}
