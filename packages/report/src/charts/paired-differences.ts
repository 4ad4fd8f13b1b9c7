import type { BarChart, Unit } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'

/** How a number differs between two things that met the same requests. */
export interface ReportedDifference {
  readonly path: string
  readonly title: string
  readonly unit: Unit
  /** What the numbers are multiplied with to be in the unit of `title`; 1 if absent. */
  readonly scale?: number
  readonly base: number
  readonly other: number
  readonly difference: number
  /** Half the width of the 95 % interval. */
  readonly ci95: number | null
  readonly outcome: 'better' | 'worse' | 'equal' | 'unclear' | 'unknown'
}

const OUTCOMES = {
  better: 'better',
  worse: 'worse',
  equal: 'equal',
  unclear: 'no significant difference',
  unknown: 'no interval',
} as const

/** Differences relative to what was before, with their intervals. */
export function pairedDifferences(
  differences: readonly ReportedDifference[],
  [before, after]: readonly [string, string],
): BarChart {
  const shown = differences.filter(({ base }) => base !== 0)
  const share = (value: number | null, base: number): number | null =>
    value === null ? null : value / Math.abs(base)
  return {
    type: 'bars',
    id: 'differences',
    title: `What changes from ${before} to ${after}`,
    summary: `Relative differences with 95% intervals: ${shown
      .map(
        ({ title, difference, base, outcome }) =>
          `${title} ${formatValue(share(difference, base), 'share')}, ${OUTCOMES[outcome]}`,
      )
      .join('; ')}.`,
    categories: shown.map(({ title }) => title),
    value: { title: 'Change', unit: 'share', scale: 'linear' },
    series: [
      {
        name: 'Change',
        values: shown.map(({ difference, base }) => share(difference, base)),
        spread: shown.map(({ ci95, base }) => share(ci95, base)),
      },
    ],
    table: tableOf(
      ['Number', 'Outcome'],
      ['Before', 'After', 'Difference', '±'],
      differences.map(({ title, unit, scale = 1, base, other, difference, ci95, outcome }) => [
        ...[title, OUTCOMES[outcome]],
        ...[base, other, difference, ci95].map((value) =>
          formatValue(value === null ? null : value * scale, unit),
        ),
      ]),
    ),
  }
}
