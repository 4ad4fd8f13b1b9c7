import type { RobustnessReport } from '@routesim/experiments'
import { alignedTable, type Column } from './table.js'

const COLUMNS: readonly Column[] = [
  { title: 'Algorithm', align: 'left' },
  { title: 'First in', align: 'right' },
  { title: 'Mean rank', align: 'right' },
  { title: 'Ranks', align: 'right' },
]

/** How often each algorithm ranks first, best first, and what to make of it. */
export function robustnessText(
  { by, algorithms, verdict }: RobustnessReport,
  maxWidth: number,
): string {
  const rows = [...algorithms]
    .sort((a, b) => a.mean_rank - b.mean_rank)
    .map(({ algorithm, first, cases, mean_rank, best_rank, worst_rank }) => [
      algorithm,
      `${first} of ${cases}`,
      mean_rank.toFixed(1),
      best_rank === worst_rank ? String(best_rank) : `${best_rank} to ${worst_rank}`,
    ])
  return [
    `Ranks by ${by.title} over step times, visibility and seeds:`,
    '',
    alignedTable(COLUMNS, rows, maxWidth),
    '',
    ...verdict,
  ].join('\n')
}
