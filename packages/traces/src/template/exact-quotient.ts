/** The largest power of ten that a float holds exactly. */
const MOST_DECIMALS = 22
const POWERS = Float64Array.from({ length: MOST_DECIMALS + 1 }, (_, i) => Number(`1e${i}`))
/** Splits a float into two of 26 bits, whose products are exact (Dekker 1971, after Veltkamp). */
const SPLITTER = 2 ** 27 + 1
const POWERS_HIGH = POWERS.map((power) => SPLITTER * power - (SPLITTER * power - power))
/** More than the correction to a quotient can be off, relatively. */
const UNSURE = 2 ** -50

/**
 * Writes the float nearest to `(high * 10^lowDigits + low) / 10^decimals` into `out[slot]`: the value of
 * a decimal of up to 18 digits without sign and exponent. It is computed to twice the precision of a
 * float (Dekker, Numerische Mathematik 18, 1971), which decides unless the decimal lies halfway between
 * two floats, or as good as.
 * @param high - integer, less than 10^9
 * @param low - integer, less than 10^lowDigits
 * @returns false when that does not decide, or there are more decimals than 22; nothing is written then
 */
export function exactQuotient(
  high: number,
  low: number,
  lowDigits: number,
  decimals: number,
  out: Float64Array,
  slot: number,
): boolean {
  if (decimals > MOST_DECIMALS) return false
  // Exact: 10^9 has 21 bits when its factors of two are left out, and high has 30.
  const upper = high * POWERS[lowDigits]!
  const sum = upper + low
  const sumError = low - (sum - upper)
  const power = POWERS[decimals]!
  const quotient = sum / power
  const product = quotient * power
  const quotientHigh = SPLITTER * quotient - (SPLITTER * quotient - quotient)
  const quotientLow = quotient - quotientHigh
  const powerHigh = POWERS_HIGH[decimals]!
  const powerLow = power - powerHigh
  const productError =
    quotientLow * powerLow -
    (product - quotientHigh * powerHigh - quotientLow * powerHigh - quotientHigh * powerLow)
  const correction = (sum - product - productError + sumError) / power
  const below = quotient + correction * (1 - UNSURE)
  if (below !== quotient + correction * (1 + UNSURE)) return false
  out[slot] = below
  return true
}
