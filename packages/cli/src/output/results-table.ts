import {
  type AlgorithmSummary,
  lackingSeeds,
  lackingSeedsText,
  metric,
} from '@routesim/experiments'
import { type Colors, colorsFor } from './colors.js'
import { alignedTable, type Column, markdownTable } from './table.js'

/** A number of a result as a column: how it is titled, scaled and judged. */
interface ResultColumn {
  readonly title: string
  readonly path: string
  readonly better: 'low' | 'high'
  readonly rank: number
  readonly scale?: number
  readonly digits?: number
  /** Whether it is left out where it is 0 in all results. */
  readonly isRare?: boolean
}

/** In order of the page; those of the highest rank go first when the terminal is narrow. */
const COLUMNS: readonly ResultColumn[] = [
  { title: 'TTFT p50', path: 'ttft.p50', better: 'low', rank: 2 },
  { title: 'TTFT p99', path: 'ttft.p99', better: 'low', rank: 1 },
  { title: 'ITL p99', path: 'tbt.p99', better: 'low', rank: 8 },
  { title: 'E2E p50', path: 'end_to_end_latency.p50', better: 'low', rank: 6 },
  { title: 'E2E p99', path: 'end_to_end_latency.p99', better: 'low', rank: 5 },
  { title: 'Req/s', path: 'requests_per_sec', better: 'high', rank: 4, digits: 2 },
  { title: 'Hit %', path: 'token_hit_rate', better: 'high', rank: 3, scale: 100, digits: 1 },
  { title: 'Jain', path: 'jains_fairness_index', better: 'high', rank: 9, digits: 3 },
  { title: 'GPU-s/req', path: 'gpu_seconds_per_request', better: 'low', rank: 10, digits: 4 },
  {
    title: '$/1M tok',
    path: 'estimated_cost_per_1k_tokens',
    better: 'low',
    rank: 7,
    scale: 1000,
    digits: 3,
  },
  { title: 'SLO %', path: 'slo.attainment', better: 'high', rank: 1.5, scale: 100, digits: 1 },
  {
    title: 'Goodput',
    path: 'slo.goodput_requests_per_sec',
    better: 'high',
    rank: 4.5,
    digits: 2,
  },
  { title: 'Rejected', path: 'rejected_requests', better: 'low', rank: 1.1, digits: 0 },
  ...(
    [
      ['Failed', 'failed_requests'],
      ['Timed out', 'timed_out_requests'],
      ['Never sent', 'unsent_requests'],
      ['Retries', 'retries'],
    ] as const
  ).map(([title, path], i) => ({
    ...{ title, path, digits: 0, rank: 1.2 + i / 20, isRare: true },
    better: 'low' as const,
  })),
]

/** Columns before and after the numbers of a comparison, such as the rate of a sweep. */
export interface LeadingColumn {
  readonly title: string
  readonly cells: readonly string[]
}

/** Options of {@link resultsTable}. */
export interface ResultsTableOptions {
  /** Characters of a line at most; no bound by default. */
  readonly maxWidth?: number | undefined
  /** Which results compete: those with equal entries. All of them by default. */
  readonly contests?: readonly number[]
  /** Those of a terminal by default. */
  readonly colors?: Colors
}

/**
 * One row per result, latencies in ms; the best of each column bears a `*`, unless those that compete are over
 * different seeds, which is told below. Columns that do not fit into `maxWidth` are left out, least important first.
 */
export function resultsTable(
  results: readonly AlgorithmSummary[],
  leading: readonly LeadingColumn[],
  {
    maxWidth = Number.POSITIVE_INFINITY,
    contests = [],
    colors = colorsFor(process.stdout),
  }: ResultsTableOptions = {},
): string {
  const best = (text: string): string => colors.bold(colors.green(text))
  const [titles, rows, ...note] = layOut(results, leading, columnsOf(results), contests, best)
  return [alignedTable(titles, rows, maxWidth), ...note].join('\n')
}

/** The whole table in Markdown. */
export function resultsMarkdown(
  results: readonly AlgorithmSummary[],
  leading: readonly LeadingColumn[],
  contests: readonly number[] = [],
): string {
  const [titles, rows, ...note] = layOut(
    results,
    leading,
    columnsOf(results),
    contests,
    (text) => text,
  )
  return [markdownTable(titles, rows), ...note].join('\n\n')
}

/** The columns that these results have: those of targets and of losses only where there are any. */
function columnsOf(results: readonly AlgorithmSummary[]): ResultColumn[] {
  const hasTargets = results.some((result) => result.slo !== undefined)
  const isZero = ({ path }: ResultColumn): boolean =>
    results.every((result) => (metric(result, path).value ?? 0) === 0)
  return COLUMNS.filter(
    (column) =>
      (hasTargets || !column.path.startsWith('slo.')) &&
      !(column.isRare === true && isZero(column)),
  ).map((column) =>
    // That nothing was rejected is the first thing that need not be said.
    column.path === 'rejected_requests' && isZero(column) ? { ...column, rank: 11 } : column,
  )
}

function layOut(
  results: readonly AlgorithmSummary[],
  leading: readonly LeadingColumn[],
  columns: readonly ResultColumn[],
  contests: readonly number[],
  markBest: (text: string) => string,
): [Column[], string[][], note?: string] {
  const lacking = lackingSeeds(results, contests)
  const unfair = new Set(lacking.map(({ contest }) => contest))
  const cells = columns.map((column) => columnCells(results, column, contests, unfair, markBest))
  const titles: Column[] = [
    ...leading.map(({ title }): Column => ({ title, align: 'left', rank: 0 })),
    ...columns.map(({ title, rank }): Column => ({ title, align: 'right', rank })),
  ]
  const rows = results.map((_, i) => [
    ...leading.map((column) => column.cells[i]!),
    ...cells.map((column) => column[i]!),
  ])
  if (lacking.length === 0) return [titles, rows]
  return [titles, rows, `(no * among rows over different seeds: ${lackingSeedsText(lacking)})`]
}

function columnCells(
  results: readonly AlgorithmSummary[],
  column: ResultColumn,
  contests: readonly number[],
  unfair: ReadonlySet<number | undefined>,
  markBest: (text: string) => string,
): string[] {
  const scale = column.scale ?? 1
  const shown = results.map((result, i) => {
    const { value, ci95 } = metric(result, column.path)
    const spread =
      ci95 === null || value === null ? '' : ` ±${formatNumber(ci95 * scale, column.digits)}`
    const text = value === null ? '-' : formatNumber(value * scale, column.digits)
    return { value, text, spread, contest: contests[i] }
  })
  return shown.map(({ text, spread, contest }) => {
    const rivals = shown.filter((other) => other.contest === contest && other.value !== null)
    const values = rivals.map((rival) => rival.value!)
    const best = column.better === 'low' ? Math.min(...values) : Math.max(...values)
    const bestText = rivals.find(({ value }) => value === best)?.text
    // Where all are alike to the digits shown, none is best.
    const isContest = !unfair.has(contest) && rivals.some((rival) => rival.text !== bestText)
    return isContest && text === bestText ? markBest(`${text}${spread}*`) : `${text}${spread} `
  })
}

/** Fixed digits, or about four significant ones. */
export function formatNumber(value: number, digits?: number): string {
  if (digits !== undefined) return value.toFixed(digits)
  const size = Math.abs(value)
  return value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : 2)
}

/** Requests per second, of which there may be a few per hour. */
export function rateText(perSec: number, digits?: number): string {
  return perSec < 0.1 ? String(Number(perSec.toPrecision(2))) : formatNumber(perSec, digits)
}
