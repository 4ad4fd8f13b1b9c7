import type { Unit } from '../chart/chart.js'
import { formatNumber } from './format-number.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A value in its unit, short: `0.5 ms`, `12.3 s`, `7 days`, `95%`, `1.2M`. */
export function formatValue(value: number | null, unit: Unit): string {
  if (value === null || !Number.isFinite(value)) return '–'
  if (unit === 'ms') return formatDuration(value)
  if (unit === 'share') return `${Number((100 * value).toPrecision(3))}%`
  if (unit === 'usd') return formatDollars(value)
  return Math.abs(value) >= 1e5 ? inThousands(value) : formatNumber(value)
}

/** Whole cents of what costs dollars. */
function formatDollars(usd: number): string {
  return `$${usd >= 1 && usd < 1000 ? usd.toFixed(2) : Number(usd.toPrecision(3))}`
}

/** A duration in the unit that suits it. */
function formatDuration(ms: number): string {
  const size = Math.abs(ms)
  if (size >= 2 * DAY) return `${formatNumber(ms / DAY)} days`
  if (size >= 2 * HOUR) return `${formatNumber(ms / HOUR)} h`
  if (size >= 600_000) return `${formatNumber(ms / 60_000)} min`
  if (size >= 1000) return `${formatNumber(ms / 1000)} s`
  return `${formatNumber(ms)} ms`
}

function inThousands(value: number): string {
  const [scaled, letter] = Math.abs(value) >= 1e6 ? [value / 1e6, 'M'] : [value / 1e3, 'k']
  return `${formatNumber(scaled)}${letter}`
}
