import type { RunDetail } from '@routesim/metrics'
import type { XyChart } from '../chart/chart.js'
import { fittingAxis } from '../chart/fitting-axis.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { labelOf, type ReportedResult } from '../results/reported-result.js'

/** A latency whose cumulative distribution is drawn. */
export type CurveName = 'ttft_ms' | 'itl_ms' | 'tpot_ms' | 'e2e_ms'

const NAMES: Readonly<Record<CurveName, string>> = {
  ttft_ms: 'Time to first token',
  itl_ms: 'Time between tokens',
  tpot_ms: 'Time per output token',
  e2e_ms: 'End-to-end latency',
}
const SHORT: Readonly<Record<CurveName, string>> = {
  ttft_ms: 'TTFT',
  itl_ms: 'ITL',
  tpot_ms: 'TPOT',
  e2e_ms: 'E2E',
}
const TABLED = [0.5, 0.75, 0.9, 0.95, 0.99, 1]

/** The share of requests (of gaps, for ITL) that is at least as quick, one curve per result. */
export function latencyCdf(results: readonly ReportedResult[], name: CurveName): XyChart {
  const curves = results.flatMap((result) =>
    result.detail === undefined
      ? []
      : [{ label: labelOf(result), ...curveOf(result.detail, name) }],
  )
  const at = (values: readonly (number | null)[], quantiles: readonly number[], q: number) =>
    formatValue(values[quantiles.indexOf(q)] ?? null, 'ms')
  const worst = curves.map(
    ({ label, quantiles, values }) => `${label} ${at(values, quantiles, 0.99)}`,
  )
  return {
    type: 'xy',
    id: `cdf-${SHORT[name].toLowerCase()}`,
    title: `${NAMES[name]} (${SHORT[name]})`,
    summary: `Cumulative distribution of ${NAMES[name].toLowerCase()}; P99: ${worst.join(', ')}.`,
    // The quickest percent may be a thousand times quicker, and would squeeze the rest.
    x: fittingAxis(
      NAMES[name],
      'ms',
      curves.flatMap(({ quantiles, values }) =>
        values.filter((_, i) => quantiles[i]! >= 0.01).map(positive),
      ),
    ),
    y: {
      title: name === 'itl_ms' ? 'Share of gaps' : 'Share of requests',
      unit: 'share',
      scale: 'linear',
      min: 0,
      max: 1,
    },
    series: curves.map(({ label, quantiles, values }) => ({
      name: label,
      draw: 'line',
      x: values.map(positive),
      y: quantiles,
    })),
    readAlong: 'y',
    table: tableOf(
      ['Algorithm'],
      TABLED.map((q) => (q === 1 ? 'max' : `P${q * 100}`)),
      curves.map(({ label, quantiles, values }) => [
        label,
        ...TABLED.map((q) => at(values, quantiles, q)),
      ]),
    ),
  }
}

function curveOf({ curves }: RunDetail, name: CurveName) {
  return { quantiles: curves.quantiles, values: curves[name] }
}

/** A latency of 0 (a prompt fully cached) has no place on a logarithmic axis. */
function positive(value: number | null): number | null {
  return value === null ? null : Math.max(value, 0.01)
}
