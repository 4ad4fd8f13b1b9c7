import { pairedDifferences, type ReportedDifference } from '../charts/paired-differences.js'
import type { ReportedResult } from '../results/reported-result.js'
import type { Origin, Report } from './report.js'
import { type ReportedScenario, subtitleOf } from './scenario.js'
import { summaryTable } from './summary-table.js'

/** What {@link whatifReport} shows. */
export interface WhatifResults {
  readonly scenario: ReportedScenario
  /** Before and after. */
  readonly names: readonly [string, string]
  readonly results: readonly [ReportedResult['result'], ReportedResult['result']]
  readonly pairs: 'seeds' | 'windows'
  readonly differences: readonly ReportedDifference[]
  readonly verdict: readonly string[]
}

/** A page about what a change does. */
export function whatifReport(
  { scenario, names, results, differences, verdict }: WhatifResults,
  origin: Origin = {},
): Report {
  const labelled = results.map((result, i) => ({ result, label: names[i]! }))
  return {
    title: `What if, in ${scenario.name}`,
    subtitle: subtitleOf(scenario),
    verdict,
    notes: scenario.notes,
    sections: [
      { title: 'Differences', charts: [pairedDifferences(differences, names)] },
      {
        title: 'Before and after',
        tables: [{ title: 'Results', table: summaryTable(labelled) }],
      },
    ],
    origin,
  }
}
