import type { SaturationKnee, ValidationReport, ValidationRow } from '@routesim/experiments'
import type { Column, markdownTable } from './table.js'

/** Sets with more rows than this are summed up and not listed. */
const MOST_ROWS = 1500
/** More stages of one metric than this are summed up and not listed. */
const MOST_STAGES = 24

const left = (title: string): Column => ({ title, align: 'left', rank: 0 })
const right = (title: string, rank: number): Column => ({ title, align: 'right', rank })

/** How tables are written: as text or in Markdown. */
type Layout = typeof markdownTable

/** Predicted against measured, errors, and the order of policies. */
export function validationTable(report: ValidationReport, layout: Layout): string {
  const counts = new Map<string, number>()
  const keyOf = (row: ValidationRow): string =>
    JSON.stringify([row.set, row.experiment, row.policy])
  const measured = report.rows.filter((row) => row.measured !== null && row.measured !== 0)
  for (const row of measured) {
    const key = `${keyOf(row)} ${row.metric}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const short = measured.filter(
    (row) => counts.get(`${keyOf(row)} ${row.metric}`)! <= MOST_STAGES && !isOfRequest(row),
  )
  const bySet = new Map<string, number>()
  for (const { set } of short) bySet.set(set, (bySet.get(set) ?? 0) + 1)
  const listed = short.filter(({ set }) => bySet.get(set)! <= MOST_ROWS)
  const parts = [
    layout(
      [
        left('experiment'),
        left('policy'),
        left('stage'),
        left('metric'),
        right('predicted', 2),
        right('measured', 3),
        right('error %', 1),
      ],
      listed.map((row) => [
        row.experiment,
        row.policy,
        row.stage,
        row.metric,
        figure(row.predicted),
        figure(row.measured!),
        signed(100 * (row.predicted / row.measured! - 1)),
      ]),
    ),
    layout(
      [
        left('experiment'),
        left('policy'),
        left('metric'),
        right('n', 4),
        right('mean |error| %', 1),
        right('worst', 2),
        right('bias', 3),
      ],
      report.errors.map((each) => [
        each.experiment,
        each.policy,
        each.metric,
        String(each.count),
        each.meanPercent.toFixed(1),
        each.worstPercent.toFixed(1),
        signed(each.biasPercent),
      ]),
    ),
  ]
  const order = orderOf(report)
  if (order !== undefined) parts.push(order)
  const missing = notPredicted(report, layout)
  if (missing !== undefined) parts.push(missing)
  const predictedOnly = report.rows.length - measured.length
  parts.push(
    `${report.rows.length} predictions, ${measured.length} with a measured value, ${predictedOnly} without`,
  )
  return parts.join('\n\n')
}

/** What is not predicted, by reason. */
function notPredicted({ unpredicted }: ValidationReport, layout: Layout): string | undefined {
  if (unpredicted.length === 0) return undefined
  const counts = new Map<string, { cells: string[]; rows: number }>()
  for (const { set, experiment, reason } of unpredicted) {
    const key = JSON.stringify([set, experiment, reason])
    const count = counts.get(key)
    if (count === undefined) counts.set(key, { cells: [set, experiment, reason], rows: 1 })
    else count.rows++
  }
  return layout(
    [left('not predicted'), left('experiment'), right('rows', 1), left('reason')],
    [...counts.values()].map(({ cells, rows }) => [cells[0]!, cells[1]!, String(rows), cells[2]!]),
  )
}

function isOfRequest({ stage }: ValidationRow): boolean {
  return stage.startsWith('request ')
}

function orderOf({ pairs, knees }: ValidationReport): string | undefined {
  if (pairs.length === 0) return undefined
  const wrong = pairs.filter(({ isRight }) => !isRight)
  const right = pairs.length - wrong.length
  const lines = [
    `order of policies: ${right} of ${pairs.length} pairs right whose measured gap exceeds 10 %`,
    ...wrong.map(
      ({ experiment, stage, metric, smaller, larger, gapPercent }) =>
        `  wrong: ${experiment} at ${stage}, ${metric}: ${smaller} below ${larger} by ${gapPercent.toFixed(0)} %`,
    ),
    ...kneesOf(knees),
  ]
  return lines.join('\n')
}

function kneesOf(knees: readonly SaturationKnee[]): string[] {
  const known = knees.filter(({ stagesOff }) => stagesOff !== undefined)
  const near = known.filter(({ stagesOff }) => stagesOff! <= 1)
  return [
    `first rate with a mean TTFT above 2 s, predicted (measured): ${near.length} of ${known.length} within one step of the ladder`,
    ...knees.map(
      (knee) =>
        `  ${knee.experiment} ${knee.policy}: ${knee.predicted ?? 'none'} (${measuredKnee(knee)})`,
    ),
  ]
}

function measuredKnee({ measured, measuredBelow, stagesOff }: SaturationKnee): string {
  if (stagesOff === undefined) return 'not measured'
  const bounds = [
    ...(measuredBelow === undefined ? [] : [`after ${measuredBelow}`]),
    ...(measured === undefined ? [] : [`by ${measured}`]),
  ].join(', ')
  return stagesOff === 0 ? bounds : `${bounds}: ${stagesOff} off`
}

function figure(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 3 : 5)
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(1)}`
}
