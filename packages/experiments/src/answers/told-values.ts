import { shareText } from '../notes/share-text.js'
import type { JudgedMetric } from './judged-metrics.js'
import { LEAST_BEYOND, type PairedDifference } from './paired-difference.js'

/** A number with its unit, short: `1.2 s`, `340 ms`, `12%`. */
export function told(value: number, unit: JudgedMetric['unit']): string {
  const short = (number: number): string => String(Number(number.toPrecision(3)))
  if (unit === 'ms')
    return Math.abs(value) >= 1000 ? `${short(value / 1000)} s` : `${short(value)} ms`
  if (unit === 'share') return `${short(value * 100)}%`
  if (unit === 'usd') return `${value < 0 ? '-' : ''}$${short(Math.abs(value))}`
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : short(value)
}

/** Why a percentile has no interval. */
export const TOO_FEW_BEYOND: string = `a window has fewer than ${LEAST_BEYOND} requests beyond it, so that one burst decides`

/** `-120 ms (-12%), 95% interval -180 ms to -60 ms`. */
export function toldDifference(found: PairedDifference): string {
  const { base, unit, scale = 1 } = found
  const difference = found.difference * scale
  const ci95 = found.ci95 === null ? null : found.ci95 * scale
  // A difference of shares is in points: of percents there would be two kinds.
  const text = (value: number): string =>
    unit === 'share' ? `${told(value * 100, 'number')} points` : told(value, unit)
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${text(value)}`
  const share = base === 0 ? '' : ` (${signedPercent(found.difference / Math.abs(base))})`
  if (ci95 === null) return `${signed(difference)}${share}`
  const [from, to] = [difference - ci95, difference + ci95]
  return `${signed(difference)}${share}, 95% interval ${signed(from)} to ${signed(to)}`
}

function signedPercent(share: number): string {
  return `${share > 0 ? '+' : ''}${shareText(share)}`
}
