import { latencyByRate, type RateMetric } from '../charts/latency-by-rate.js'
import { throughputLatency } from '../charts/throughput-latency.js'
import { formatValue } from '../format/format-value.js'
import { MOST_SERIES } from '../results/leading-results.js'
import { figuresOf, type RateCurve, type RatePoint, rateCurves } from '../results/rate-curves.js'
import type { Origin, Report } from './report.js'
import { type ReportedScenario, sweepSubtitleOf } from './scenario.js'
import { summaryTable } from './summary-table.js'

/** What {@link sweepReport} shows. */
export interface SweptResults {
  readonly scenario: ReportedScenario
  /** Seconds of traffic per rate. */
  readonly durationSec: number
  readonly points: readonly RatePoint[]
}

/** The latencies that are drawn against the rate. */
export const RATE_METRICS: readonly RateMetric[] = [
  { path: 'ttft.p99', title: 'TTFT P99', id: 'rate-ttft-p99' },
  { path: 'ttft.p50', title: 'TTFT P50', id: 'rate-ttft-p50' },
  { path: 'tbt.p99', title: 'ITL P99', id: 'rate-itl-p99' },
  { path: 'end_to_end_latency.p99', title: 'E2E P99', id: 'rate-e2e-p99' },
]

/** A page about the same fleet under several rates of arrivals. */
export function sweepReport(
  { scenario, durationSec, points }: SweptResults,
  origin: Origin = {},
): Report {
  const curves = rateCurves(points)
  const shown = leadingCurves(curves)
  const few =
    shown.length < curves.length
      ? [
          `The ${shown.length} of ${curves.length} algorithms with the lowest P99 TTFT over all rates.`,
        ]
      : []
  return {
    title: `Rates on ${scenario.name}`,
    subtitle: sweepSubtitleOf(scenario, durationSec),
    notes: scenario.notes,
    sections: [
      {
        title: 'Latency by rate',
        text: [
          ...few,
          'The knee is where a curve bends most; a curve that does not bend, or has fewer than four points, has none.',
        ],
        charts: RATE_METRICS.map((metric) => latencyByRate(shown, metric)),
      },
      { title: 'Throughput and latency', text: few, charts: [throughputLatency(shown)] },
      {
        title: 'All points',
        tables: [
          {
            title: 'Results',
            table: summaryTable(points, {
              title: 'Rate',
              cells: points.map(({ rate }) => formatValue(rate, 'number')),
            }),
          },
        ],
      },
    ],
    origin,
  }
}

/** The curves with the smallest sum of logarithms of their P99 TTFT, when there are too many. */
export function leadingCurves(curves: readonly RateCurve[]): readonly RateCurve[] {
  if (curves.length <= MOST_SERIES) return curves
  const cost = (curve: RateCurve): number =>
    figuresOf(curve, 'ttft.p99').reduce((sum, { value }) => sum + Math.log((value ?? 1e9) + 1), 0)
  const ranked = [...curves].sort((a, b) => cost(a) - cost(b))
  const shown = new Set(ranked.slice(0, MOST_SERIES))
  return curves.filter((curve) => shown.has(curve))
}
