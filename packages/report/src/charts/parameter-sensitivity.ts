import type { Axis, BarChart, Unit, XyChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'

/** What is as good as possible. */
export interface ReportedObjective {
  readonly title: string
  readonly unit: Unit
  readonly better: 'low' | 'high'
}

/** How a parameter matters with all others at their best. */
export interface ReportedSensitivity {
  readonly name: string
  readonly tried: readonly {
    readonly value: number | string | boolean
    readonly objective: number | null
    readonly breaks: boolean
  }[]
  readonly effect: number | null
}

/** Next to a bar so many times as long, others are hardly to be seen. */
const FAR_APART = 10
/** Less is no change. */
const LEAST_CHANGE = 0.001

/** How far the objective is from best to worst value of each parameter. */
export function parameterSensitivity(
  sensitivity: readonly ReportedSensitivity[],
  { title, unit }: ReportedObjective,
): BarChart {
  return {
    type: 'bars',
    id: 'sensitivity',
    title: `Change of ${title} from best to worst value of each parameter`,
    summary: `With the others at their best: ${sensitivity
      .map(({ name, effect }) => `${name} ${formatValue(effect, 'share')}`)
      .join(', ')}.`,
    categories: sensitivity.map(({ name }) => name),
    value: changeAxis(sensitivity.map(({ effect }) => effect)),
    series: [{ name: 'Change', values: sensitivity.map(({ effect }) => effect) }],
    table: tableOf(
      ['Parameter', 'Value', 'Within bounds'],
      [title],
      sensitivity.flatMap(({ name, tried }) =>
        tried.map(({ value, objective, breaks }) => [
          ...[name, String(value), breaks ? 'no' : 'yes'],
          formatValue(objective, unit),
        ]),
      ),
    ),
  }
}

/** Logarithmic when the changes lie far apart; the least of them still has a bar. */
function changeAxis(effects: readonly (number | null)[]): Axis {
  const seen = effects.flatMap((effect) =>
    effect === null || effect < LEAST_CHANGE ? [] : [effect],
  )
  const [least, most] = [Math.min(...seen), Math.max(...seen)]
  // Also when there are none.
  if (!(most > least * FAR_APART)) {
    return { title: 'Change', unit: 'share', scale: 'linear', min: 0 }
  }
  const title = 'Change (logarithmic scale)'
  return { title, unit: 'share', scale: 'log', min: least / 2, max: most }
}

/** A point of the search: parameters that were tried. */
export interface TriedPoint {
  /** Share of the traffic that it was tried on. */
  readonly share: number
  /** Null where it could not be measured. */
  readonly objective: number | null
  /** Whether it breaks a bound. */
  readonly breaks: boolean
}

/** The objective of every point that was tried on all traffic to search in, and the best so far. */
export function searchProgress(
  tried: readonly TriedPoint[],
  { title, unit, better }: ReportedObjective,
): XyChart {
  const full = tried.filter(({ share }) => share === 1)
  const kept = full.map(({ objective, breaks }) => (breaks ? null : objective))
  const pick = better === 'low' ? Math.min : Math.max
  const best: (number | null)[] = []
  for (const value of kept) {
    const last = best.at(-1) ?? null
    best.push(value === null ? last : last === null ? value : pick(last, value))
  }
  const x = full.map((_, i) => i + 1)
  return {
    type: 'xy',
    id: 'search',
    title: `${title} of the points that were tried`,
    summary: `${full.length} points on all traffic that was searched in; the best has ${formatValue(best.at(-1) ?? null, unit)}.`,
    x: { title: 'Point', unit: 'count', scale: 'linear' },
    // What matters is how points differ, not how far they are from 0.
    y: { title, unit, scale: 'linear' },
    series: [
      { name: 'Tried', draw: 'points', x, y: kept },
      { name: 'Best so far', draw: 'steps', x, y: best },
    ],
    table: tableOf(
      ['Within bounds'],
      ['Point', title],
      full.map(({ objective, breaks }, i) => [
        ...[breaks ? 'no' : 'yes', String(i + 1)],
        formatValue(objective, unit),
      ]),
    ),
  }
}
