import type { PairedDifference, WhatifReport } from '@routesim/experiments'
import { heading } from '../commands/experiment-options.js'
import { flatCsv } from './flat-csv.js'
import { formatNumber } from './results-table.js'
import { alignedTable, type Column, markdownTable } from './table.js'
import type { Rendering } from './write-results.js'

const COLUMNS: readonly Column[] = [
  { title: 'Number', align: 'left' },
  { title: 'Before', align: 'right', rank: 3 },
  { title: 'After', align: 'right', rank: 4 },
  { title: 'Difference', align: 'right', rank: 1 },
  { title: '95% interval', align: 'right', rank: 5 },
  { title: '', align: 'left', rank: 2 },
]

const OUTCOMES = {
  better: 'better',
  worse: 'worse',
  equal: 'equal',
  unclear: 'no significant difference',
  unknown: 'no interval',
} as const

/** What a change does, in every format. */
export function whatifRendering(report: WhatifReport): Rendering {
  const { scenario, names, differences, verdict } = report
  const title = `${heading(scenario)}\nBefore: ${names[0]}\nAfter: ${names[1]}`
  const rows = differences.map(rowOf)
  return {
    table: (maxWidth) =>
      `${title}\n\n${alignedTable(COLUMNS, rows, maxWidth)}\n\n${verdict.join('\n')}`,
    json: () => JSON.stringify(report, undefined, 2),
    csv: () => flatCsv(differences),
    md: () => `${title}\n\n${markdownTable(COLUMNS, rows)}\n\n${verdict.join(' ')}`,
  }
}

function rowOf(found: PairedDifference): string[] {
  const { title, unit, base, other, difference, ci95, outcome } = found
  const scale = (found.scale ?? 1) * (unit === 'share' ? 100 : 1)
  const number = (value: number): string => shown(value * scale)
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${number(value)}`
  const suffix = { ms: ' (ms)', share: ' (%)', usd: '', number: '' }[unit]
  return [
    `${title}${suffix}`,
    ...[number(base), number(other), signed(difference)],
    ci95 === null ? '-' : `${signed(difference - ci95)} to ${signed(difference + ci95)}`,
    OUTCOMES[outcome],
  ]
}

/** Two digits after the point, unless only more of them tell something. */
function shown(value: number): string {
  return Math.abs(value) >= 0.1 || value === 0 ? formatNumber(value) : value.toPrecision(2)
}
