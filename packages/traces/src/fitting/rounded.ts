/** A number to so many digits, as a person would write it down. */
export function rounded(value: number, digits = 4): number {
  return Number(value.toPrecision(digits))
}
