import type { ParameterSensitivity, TunedParameter, TuneReport } from '@routesim/experiments'
import { heading } from '../commands/experiment-options.js'
import { flatCsv } from './flat-csv.js'
import { formatNumber } from './results-table.js'
import { alignedTable, type Column, markdownTable } from './table.js'
import type { Rendering } from './write-results.js'

/** What tuning found, in every format. */
export function tuneRendering(report: TuneReport): Rendering {
  const { scenario, verdict, spec, runs, objective, subject_to, algorithm } = report
  const bounds = subject_to.length === 0 ? '' : ` subject to ${subject_to.join(', ')}`
  const title = `${heading(scenario)}\n${algorithm} tuned for ${objective.title}${bounds}; ${runs} runs`
  const [columns, rows] = layOut(report)
  return {
    table: (maxWidth) =>
      [title, '', alignedTable(columns, rows, maxWidth), '', ...verdict, '', `-a ${spec}`].join(
        '\n',
      ),
    json: () => JSON.stringify(report, undefined, 2),
    csv: () => flatCsv(report.tried),
    md: () =>
      `${title}\n\n${markdownTable(columns, rows)}\n\n${verdict.join(' ')}\n\n\`-a ${spec}\``,
  }
}

function layOut({ parameters, sensitivity, objective }: TuneReport): [Column[], string[][]] {
  const unit = objective.unit === 'ms' ? ', ms' : ''
  const columns: Column[] = [
    { title: 'Parameter', align: 'left' },
    { title: 'Before', align: 'right', rank: 2 },
    { title: 'Tuned', align: 'right', rank: 1 },
    { title: `${objective.title} from best to worst value${unit}`, align: 'left' },
  ]
  const rows = sensitivity.map((each) => {
    const found = parameters.find(({ name }) => name === each.name)!
    return [each.name, String(found.before), tunedText(found), range(each)]
  })
  return [columns, rows]
}

function tunedText({ before, tuned }: TunedParameter): string {
  return before === tuned ? '' : String(tuned)
}

function range({ tried, effect }: ParameterSensitivity): string {
  const values = tried.flatMap(({ objective }) => objective ?? [])
  if (values.length === 0) return '-'
  const [least, most] = [Math.min(...values), Math.max(...values)]
  if (least === most) return `${formatNumber(least)} whatever it is`
  const share =
    effect === null
      ? ''
      : effect >= 10
        ? ` (x${Math.round(effect + 1)})`
        : ` (${Math.round(effect * 100)}%)`
  return `${formatNumber(least)} to ${formatNumber(most)}${share}`
}
