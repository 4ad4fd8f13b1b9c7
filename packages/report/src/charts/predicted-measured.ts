import type { XyChart, XySeries } from '../chart/chart.js'
import { fittingAxis } from '../chart/fitting-axis.js'
import { tableOf } from '../chart/table.js'
import { formatNumber } from '../format/format-number.js'
import { MOST_SERIES } from '../results/leading-results.js'
import type { PredictedFigure } from '../results/validation-result.js'

type Measured = PredictedFigure & { readonly measured: number }

/** Points drawn of one group at most: every n-th of more. */
const MOST_POINTS = 400
/** Rows of the table at most: the farthest off. */
const MOST_ROWS = 100

/** Predictions of one metric against what was measured, around the line of perfect ones. */
export function predictedMeasured(
  rows: readonly PredictedFigure[],
  metric: string,
  id: string,
): XyChart {
  const measured = rows.filter(
    (row): row is Measured => row.metric === metric && row.measured !== null && row.measured > 0,
  )
  const groups = groupsOf(measured)
  const series: XySeries[] = groups.map(({ name, rows: own }) => {
    const every = Math.ceil(own.length / MOST_POINTS)
    const shown = own.filter((_, i) => i % every === 0)
    return {
      name,
      draw: 'points',
      x: shown.map((row) => row.measured),
      y: shown.map((row) => row.predicted),
    }
  })
  const values = measured.flatMap((row) => [row.measured, row.predicted])
  const axis = fittingAxis('', 'number', values)
  const from = axis.scale === 'log' ? Math.min(...values.filter((value) => value > 0)) : 0
  const to = Math.max(...values, from)
  const guide = (name: string, factor: number): XySeries => ({
    name,
    draw: 'line',
    x: [from, to],
    y: [from * factor, to * factor],
    isGuide: true,
  })
  const errors = measured.map((row) => Math.abs(row.predicted / row.measured - 1))
  const meanError = errors.reduce((sum, error) => sum + error, 0) / Math.max(1, errors.length)
  const within = errors.filter((error) => error <= 0.2).length
  return {
    type: 'xy',
    id,
    title: `Predicted against measured: ${metric}`,
    summary: `${measured.length} predictions of ${metric}: off by ${percent(meanError)} on average, ${within} within 20%. The dashed lines are perfect predictions, and those 20% above and below.`,
    x: { ...axis, title: `Measured ${metric}` },
    y: { ...axis, title: `Predicted ${metric}` },
    series: [...series, guide('perfect', 1), guide('20% above', 1.2), guide('20% below', 0.8)],
    table: tableOf(
      ['Experiment', 'Policy', 'Stage'],
      ['Predicted', 'Measured', 'Error'],
      [...measured]
        .sort((a, b) => errorOf(b) - errorOf(a))
        .slice(0, MOST_ROWS)
        .map((row) => [
          row.experiment,
          row.policy,
          row.stage,
          formatNumber(row.predicted),
          formatNumber(row.measured),
          percent(row.predicted / row.measured - 1),
        ]),
    ),
  }
}

function errorOf({ predicted, measured }: Measured): number {
  return Math.abs(predicted / measured - 1)
}

/** By policy, or by experiment where these are fewer; the rest under one name. */
function groupsOf(rows: readonly Measured[]): { name: string; rows: Measured[] }[] {
  const by = (key: 'experiment' | 'policy') => {
    const groups = new Map<string, Measured[]>()
    for (const row of rows) {
      const group = groups.get(row[key])
      if (group === undefined) groups.set(row[key], [row])
      else group.push(row)
    }
    return groups
  }
  const experiments = by('experiment')
  const groups = experiments.size <= MOST_SERIES ? experiments : by('policy')
  const ranked = [...groups].sort(([, a], [, b]) => b.length - a.length)
  const named = ranked.slice(0, MOST_SERIES - 1).map(([name, own]) => ({ name, rows: own }))
  const rest = ranked.slice(MOST_SERIES - 1)
  if (rest.length === 0) return named
  if (rest.length === 1) return [...named, { name: rest[0]![0], rows: rest[0]![1] }]
  return [...named, { name: `${rest.length} others`, rows: rest.flatMap(([, own]) => own) }]
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}
