import type { RobustnessReport } from '@routesim/experiments'
import { alignedTable, type Column } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'Algorithm', align: 'left' },
  { title: 'First in', align: 'right' },
  { title: 'Mean rank', align: 'right' },
  { title: 'Ranks', align: 'right' },
]

/** Where one stands that was never ranked. */
const LAST = Number.MAX_VALUE

/** How often each algorithm ranks first, best first, and what to make of it. */
export function robustnessText(
  { by, algorithms, verdict }: RobustnessReport,
  maxWidth: number,
): string {
  const rows = [...algorithms]
    .sort((a, b) => (a.mean_rank ?? LAST) - (b.mean_rank ?? LAST))
    .map(({ algorithm, first, cases, mean_rank, best_rank, worst_rank }) => [
      algorithm,
      `${first} of ${cases}`,
      mean_rank?.toFixed(1) ?? '-',
      best_rank === worst_rank ? String(best_rank ?? '-') : `${best_rank} to ${worst_rank}`,
    ])
  return [
    `Ranks by ${by.title} over step times, visibility and seeds:`,
    '',
    alignedTable(COLUMNS, rows, maxWidth),
    '',
    ...verdict,
  ].join('\n')
}
