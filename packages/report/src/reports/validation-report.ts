import { tableOf } from '../chart/table.js'
import { predictedMeasured } from '../charts/predicted-measured.js'
import type { PredictedFigure } from '../results/validation-result.js'
import type { Origin, Report } from './report.js'

/** What {@link validationReport} shows: what `validate` found. */
export interface ValidatedResults {
  readonly rows: readonly PredictedFigure[]
  readonly errors: readonly {
    readonly set: string
    readonly experiment: string
    readonly policy: string
    readonly metric: string
    readonly count: number
    readonly meanPercent: number
    readonly worstPercent: number
    readonly biasPercent: number
  }[]
  readonly pairs: readonly { readonly isRight: boolean }[]
}

/** Pictures of a page at most: the metrics with most measured values. */
const MOST_METRICS = 12

/** A page of predictions against published measurements. */
export function validationReport(
  { rows, errors, pairs }: ValidatedResults,
  origin: Origin = {},
): Report {
  const right = pairs.filter(({ isRight }) => isRight).length
  const sets = [...new Set(rows.map(({ set }) => set))]
  const measured = rows.filter((row) => row.measured !== null).length
  return {
    title: 'Predictions against measurements',
    subtitle: `${rows.length.toLocaleString('en-US')} predictions of ${sets.join(', ')}; ${measured.toLocaleString('en-US')} have a measured value.`,
    verdict:
      pairs.length === 0
        ? []
        : [
            `Order of policies: ${right} of ${pairs.length} pairs right whose measured gap exceeds 10%.`,
          ],
    sections: [
      {
        title: 'Predicted against measured',
        charts: metricsOf(rows).map((metric, i) =>
          predictedMeasured(rows, metric, `predicted-${i}`),
        ),
      },
      {
        title: 'Errors',
        tables: [
          {
            title: 'Errors',
            table: tableOf(
              ['Experiment', 'Policy', 'Metric'],
              ['n', 'Mean error', 'Worst', 'Bias'],
              errors.map((each) => [
                each.experiment,
                each.policy,
                each.metric,
                String(each.count),
                `${each.meanPercent.toFixed(1)}%`,
                `${each.worstPercent.toFixed(1)}%`,
                `${each.biasPercent >= 0 ? '+' : ''}${each.biasPercent.toFixed(1)}%`,
              ]),
            ),
          },
        ],
      },
    ],
    origin,
  }
}

/** The metrics with measured values, those with most first. */
export function metricsOf(rows: readonly PredictedFigure[]): string[] {
  const counts = new Map<string, number>()
  for (const { metric, measured } of rows) {
    if (measured === null || !(measured > 0)) continue
    counts.set(metric, (counts.get(metric) ?? 0) + 1)
  }
  const ranked = [...counts].sort(([, a], [, b]) => b - a)
  return ranked.slice(0, MOST_METRICS).map(([metric]) => metric)
}
