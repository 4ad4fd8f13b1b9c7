import type { Unit } from '../chart/chart.js'
import type { Table } from '../chart/table.js'
import { formatInterval } from '../format/format-interval.js'
import { formatValue } from '../format/format-value.js'
import { figureOf, labelOf, type ReportedResult } from '../results/reported-result.js'

interface Column {
  readonly title: string
  readonly path: string
  readonly unit: Unit
  readonly scale?: number
  /** Whether it is left out where it is 0 in all results. */
  readonly isRare?: boolean
}

const COLUMNS: readonly Column[] = [
  { title: 'TTFT P50', path: 'ttft.p50', unit: 'ms' },
  { title: 'TTFT P99', path: 'ttft.p99', unit: 'ms' },
  { title: 'ITL P99', path: 'tbt.p99', unit: 'ms' },
  { title: 'E2E P50', path: 'end_to_end_latency.p50', unit: 'ms' },
  { title: 'E2E P99', path: 'end_to_end_latency.p99', unit: 'ms' },
  { title: 'Requests/s', path: 'requests_per_sec', unit: 'number' },
  { title: 'Cache hits', path: 'token_hit_rate', unit: 'share' },
  { title: 'Jain', path: 'jains_fairness_index', unit: 'number' },
  { title: '$/1M tokens', path: 'estimated_cost_per_1k_tokens', unit: 'usd', scale: 1000 },
  { title: 'SLO met', path: 'slo.attainment', unit: 'share' },
  { title: 'Goodput', path: 'slo.goodput_requests_per_sec', unit: 'number' },
  { title: 'Rejected', path: 'rejected_requests', unit: 'number' },
  { title: 'Failed', path: 'failed_requests', unit: 'number', isRare: true },
  { title: 'Timed out', path: 'timed_out_requests', unit: 'number', isRare: true },
  { title: 'Never sent', path: 'unsent_requests', unit: 'number', isRare: true },
  { title: 'Retries', path: 'retries', unit: 'number', isRare: true },
]

/**
 * One row per result with its most important numbers, with intervals where there are several seeds;
 * those of targets only where there are any, as on the command line.
 */
export function summaryTable(
  results: readonly ReportedResult[],
  leading: readonly { readonly title: string; readonly cells: readonly string[] }[] = [],
): Table {
  const hasTargets = results.some(({ result }) => result.slo !== undefined)
  const columns = COLUMNS.filter(
    ({ path, isRare = false }) =>
      (hasTargets || !path.startsWith('slo.')) &&
      (!isRare || results.some(({ result }) => (figureOf(result, path).value ?? 0) > 0)),
  )
  return {
    columns: [
      { title: 'Algorithm', align: 'left' },
      ...leading.map(({ title }) => ({ title, align: 'right' }) as const),
      ...columns.map(({ title }) => ({ title, align: 'right' }) as const),
    ],
    rows: results.map((reported, i) => [
      labelOf(reported),
      ...leading.map(({ cells }) => cells[i] ?? ''),
      ...columns.map(({ path, unit, scale = 1 }) => {
        const { value, ci95 } = figureOf(reported.result, path)
        if (value === null || ci95 === null) {
          return formatValue(value === null ? null : value * scale, unit)
        }
        return formatInterval(value * scale, ci95 * scale, unit)
      }),
    ]),
  }
}
