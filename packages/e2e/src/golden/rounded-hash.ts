import { createHash } from 'node:crypto'

/**
 * Digits that count. Clocks of the two steppers agree in 13 digits, those of machines whose `Math.log`
 * or `Math.exp` differ in 15; but a wait of 9 ms is a difference of two clocks at 300,000 ms, and a
 * value must not be so near the middle of two rounded ones that the rest matters.
 */
export const DIGITS = 6

/** SHA-256 of a value as JSON with sorted keys and rounded numbers; typed arrays are lists. */
export function roundedHash(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .digest('hex')
}

function canonical(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(DIGITS))
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, canonical)
  if (Array.isArray(value)) return value.map(canonical)
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([key, inner]) => [key, canonical(inner)]))
}
