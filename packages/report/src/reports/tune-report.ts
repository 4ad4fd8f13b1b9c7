import { tableOf } from '../chart/table.js'
import type { ReportedDifference } from '../charts/paired-differences.js'
import {
  parameterSensitivity,
  type ReportedObjective,
  type ReportedSensitivity,
  searchProgress,
  type TriedPoint,
} from '../charts/parameter-sensitivity.js'
import { formatValue } from '../format/format-value.js'
import type { Origin, Report } from './report.js'
import { type ReportedScenario, subtitleOf } from './scenario.js'

/** What {@link tuneReport} shows. */
export interface TunedResults {
  readonly scenario: ReportedScenario
  readonly algorithm: string
  readonly objective: ReportedObjective
  readonly subject_to: readonly string[]
  readonly parameters: readonly {
    readonly name: string
    readonly before: number | string | boolean
    readonly tuned: number | string | boolean
    readonly range: string
  }[]
  readonly spec: string
  readonly training: TunedFigures
  readonly held_out: TunedFigures & { readonly gain: ReportedDifference | undefined }
  readonly sensitivity: readonly ReportedSensitivity[]
  readonly tried: readonly TriedPoint[]
  readonly runs: number
  readonly verdict: readonly string[]
}

/** The objective on one part of the traffic, before and after. */
export interface TunedFigures {
  readonly requests: number
  readonly before: number | null
  readonly tuned: number | null
}

/** A page about the best parameters of an algorithm, and what they gain on traffic not searched in. */
export function tuneReport(results: TunedResults, origin: Origin = {}): Report {
  const { scenario, algorithm, objective, subject_to, parameters, spec, runs } = results
  const { training, held_out: held, sensitivity, tried } = results
  const bounds = subject_to.length === 0 ? [] : [`Subject to ${subject_to.join(', ')}.`]
  return {
    title: `${algorithm} tuned for ${objective.title}`,
    subtitle: subtitleOf(scenario),
    verdict: results.verdict,
    notes: scenario.notes,
    sections: [
      {
        title: 'Result',
        text: [`The tuned algorithm is ${spec}.`, ...bounds, `Found with ${runs} simulations.`],
        tables: [
          { title: objective.title, table: gainTable(objective, training, held) },
          {
            title: 'Parameters',
            table: tableOf(
              ['Parameter', 'Range'],
              ['Before', 'Tuned'],
              parameters.map(({ name, range, before, tuned }) => [
                ...[name, range, String(before)],
                before === tuned ? 'the same' : String(tuned),
              ]),
            ),
          },
        ],
      },
      { title: 'Sensitivity', charts: [parameterSensitivity(sensitivity, objective)] },
      { title: 'Search', charts: [searchProgress(tried, objective)] },
    ],
    origin,
  }
}

function gainTable(
  { unit }: ReportedObjective,
  training: TunedFigures,
  { gain, ...held }: TunedResults['held_out'],
) {
  const row = (name: string, { requests, before, tuned }: TunedFigures): string[] => [
    name,
    requests.toLocaleString('en-US'),
    ...[before, tuned].map((value) => formatValue(value, unit)),
    formatValue(before === null || tuned === null ? null : tuned - before, unit),
    '–',
  ]
  const pairs =
    gain === undefined
      ? []
      : [
          [
            'held out, mean of pairs',
            '',
            ...[gain.base, gain.other, gain.difference, gain.ci95].map((each) =>
              formatValue(each, unit),
            ),
          ],
        ]
  return tableOf(
    ['Traffic'],
    ['Requests', 'Before', 'Tuned', 'Difference', '± (95%)'],
    [row('searched in', training), row('held out', held), ...pairs],
  )
}
