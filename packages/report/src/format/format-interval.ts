import type { Unit } from '../chart/chart.js'
import { formatNumber } from './format-number.js'
import { formatValue } from './format-value.js'

/** Digits of a value that are shown. */
const DIGITS = 3

/**
 * A value and half its interval in the unit of the value: `38.7 ± 3.63 ms`. The half has one digit more
 * after the point than the value at most.
 */
export function formatInterval(value: number, half: number, unit: Unit): string {
  const text = formatValue(value, unit)
  // What the value is shown in: all but its number.
  const [, before = '', after = ''] = /^(\D*?)-?[\d.,]+(?:e[+-]\d+)?(.*)$/.exec(text) ?? []
  const size = sizeOf(after.trim(), unit)
  const shown = Math.abs(value) / size
  const magnitude = shown === 0 ? 0 : Math.floor(Math.log10(shown))
  const decimals = Math.min(20, Math.max(0, DIGITS - magnitude))
  const rounded = Number((half / size).toFixed(decimals))
  return `${text.slice(0, text.length - after.length)} ± ${before}${formatNumber(rounded)}${after}`
}

/** What a shown number was divided by. */
function sizeOf(suffix: string, unit: Unit): number {
  if (unit === 'share') return 0.01
  return { s: 1000, min: 60_000, h: 3_600_000, days: 86_400_000, k: 1e3, M: 1e6 }[suffix] ?? 1
}
