import type { XyChart } from '../chart/chart.js'
import { fittingAxis } from '../chart/fitting-axis.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { figureOf, type ReportedResult } from '../results/reported-result.js'
import { type RateMetric, spreadOf, upToEnds } from './latency-by-rate.js'

/** Results that differ in one number of the config. */
export interface SettingCurve {
  readonly label: string
  /** Ascending by value. */
  readonly points: readonly { readonly value: number; readonly result: ReportedResult['result'] }[]
}

/** A latency against a number of the config, such as the number of backends. */
export function latencyBySetting(
  curves: readonly SettingCurve[],
  { path, title, id }: RateMetric,
  setting: string,
): XyChart {
  const drawn = curves.map(({ label, points }) => {
    const figures = points.map(({ result }) => figureOf(result, path))
    const x = points.map(({ value }) => value)
    return { label, x, figures, y: figures.map(({ value }) => value) }
  })
  const ends = drawn.map(({ label, x, y }) => {
    const [from, to] = [y[0] ?? null, y.at(-1) ?? null].map((value) => formatValue(value, 'ms'))
    return `${label} from ${from} at ${x[0]} to ${to} at ${x.at(-1)}`
  })
  const values = drawn.flatMap(({ x }) => x)
  const [min, max] = [Math.min(...values), Math.max(...values)]
  const isWide = min > 0 && max / min > 20
  const x = { title: setting, unit: values.every(Number.isInteger) ? 'count' : 'number' } as const
  return {
    type: 'xy',
    id,
    title: `${title} by ${setting}`,
    summary: `${title} against ${setting}: ${ends.join(', ')}.`,
    x: isWide ? { ...x, scale: 'log', min, max } : { ...x, scale: 'linear' },
    y: fittingAxis(
      title,
      'ms',
      drawn.flatMap(({ figures }) => upToEnds(figures)),
    ),
    series: drawn.map(({ label, x, y, figures }) => ({
      name: label,
      draw: 'line',
      x,
      y,
      ...spreadOf(figures),
    })),
    readAlong: 'x',
    table: tableOf(
      ['Algorithm'],
      [setting, title, '±'],
      drawn.flatMap(({ label, x, figures }) =>
        x.map((value, i) => [
          label,
          String(value),
          formatValue(figures[i]!.value, 'ms'),
          formatValue(figures[i]!.ci95, 'ms'),
        ]),
      ),
    ),
  }
}
