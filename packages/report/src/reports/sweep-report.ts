import { latencyByRate, type RateMetric } from '../charts/latency-by-rate.js'
import { latencyBySetting, type SettingCurve } from '../charts/latency-by-setting.js'
import { throughputLatency } from '../charts/throughput-latency.js'
import { formatValue } from '../format/format-value.js'
import { MOST_SERIES } from '../results/leading-results.js'
import { figuresOf, type RateCurve, type RatePoint, rateCurves } from '../results/rate-curves.js'
import { labelOf, labelWith, lastPart, type ReportedResult } from '../results/reported-result.js'
import { type FailedRun, failedRuns, failureNotes } from './failed-runs.js'
import type { Origin, Report, ReportTable, Section } from './report.js'
import { type ReportedScenario, sweepSubtitleOf } from './scenario.js'
import { summaryTable } from './summary-table.js'

/** What {@link sweepReport} shows. */
export interface SweptResults {
  readonly scenario: ReportedScenario
  /** Seconds of traffic per rate; undefined where traffic is not generated at rates. */
  readonly durationSec: number | undefined
  readonly points: readonly SweptPoint[]
  /** Runs that failed; none if absent. */
  readonly failures?: readonly FailedRun[]
  /** Runs in all, those that failed among them. */
  readonly totalRuns?: number
  /** Points in all, those that were not reached among them. */
  readonly totalPoints?: number
  /** Whether it was stopped before its end; false if absent. */
  readonly interrupted?: boolean
}

/** A result of a sweep, and where in the sweep it stands. */
export interface SweptPoint extends ReportedResult {
  /** Config values of the point, by dotted path. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Arrival rate in requests per second, of sweeps over rates. */
  readonly rate?: number
}

/** The latencies that are drawn against the rate. */
export const RATE_METRICS: readonly RateMetric[] = [
  { path: 'ttft.p99', title: 'TTFT P99', id: 'rate-ttft-p99' },
  { path: 'ttft.p50', title: 'TTFT P50', id: 'rate-ttft-p50' },
  { path: 'tbt.p99', title: 'ITL P99', id: 'rate-itl-p99' },
  { path: 'end_to_end_latency.p99', title: 'E2E P99', id: 'rate-e2e-p99' },
]

/** A page about fleets under several rates of arrivals, or with several settings. */
export function sweepReport(swept: SweptResults, origin: Origin = {}): Report {
  const { scenario, durationSec, points, failures = [], totalRuns } = swept
  const named = points.map((point) => ({ ...point, label: nameOf(point) }))
  return {
    title: `Sweep of ${scenario.name}`,
    subtitle: sweepSubtitleOf(scenario, durationSec),
    notes: [...stoppedNotes(swept), ...failureNotes(failures, totalRuns), ...scenario.notes],
    sections: [
      ...pictures(named),
      ...settingPictures(points),
      ...(points.length === 0 ? [] : [{ title: 'All points', tables: [resultsOf(points)] }]),
      ...failedRuns(failures),
    ],
    origin,
  }
}

function stoppedNotes({ interrupted, points, totalPoints }: SweptResults): string[] {
  if (interrupted !== true) return []
  const all = totalPoints === undefined ? '' : ` of ${totalPoints}`
  return [
    `the sweep was stopped: ${points.length}${all} points are here, and nothing of the others`,
  ]
}

/** Empty for a sweep that is not over rates. */
function pictures(points: readonly SweptPoint[]): Section[] {
  const atRates = points.flatMap(({ rate, ...point }): RatePoint[] =>
    rate === undefined ? [] : [{ ...point, rate }],
  )
  if (atRates.length === 0) return []
  const curves = rateCurves(atRates)
  const shown = leadingCurves(curves)
  const few =
    shown.length < curves.length
      ? [`The ${shown.length} of ${curves.length} curves with the lowest P99 TTFT over all rates.`]
      : []
  return [
    {
      title: 'Latency by rate',
      text: [
        ...few,
        'The knee is where a curve bends most; a curve that does not bend, or has fewer than four points, has none.',
      ],
      charts: RATE_METRICS.map((metric) => latencyByRate(shown, metric)),
    },
    { title: 'Throughput and latency', text: few, charts: [throughputLatency(shown)] },
  ]
}

/** Of a sweep without rates: latencies against each number of the config that it goes through. */
function settingPictures(points: readonly SweptPoint[]): Section[] {
  if (points.some(({ rate }) => rate !== undefined)) return []
  const paths = [...new Set(points.flatMap(({ settings }) => Object.keys(settings)))]
  const varied = paths.filter((path) => {
    const values = points.map(({ settings }) => settings[path])
    return values.every((value) => typeof value === 'number') && new Set(values).size > 1
  })
  return varied.map((path) => {
    const curves = settingCurves(points, path)
    const shown = curves.slice(0, MOST_SERIES)
    const few = `The first ${shown.length} of ${curves.length} curves.`
    return {
      title: `Latency by ${lastPart(path)}`,
      ...(shown.length < curves.length && { text: [few] }),
      charts: RATE_METRICS.map((metric) =>
        latencyBySetting(
          shown,
          { ...metric, id: `${metric.id.replace('rate-', '')}-by-${path.replaceAll(/\W/g, '-')}` },
          lastPart(path),
        ),
      ),
    }
  })
}

/** Points that differ in one setting alone, a curve for each combination of the others. */
function settingCurves(points: readonly SweptPoint[], path: string): SettingCurve[] {
  const curves = new Map<string, { value: number; result: SweptPoint['result'] }[]>()
  for (const { settings, ...point } of points) {
    const { [path]: value, ...others } = settings
    const label = nameOf({ ...point, settings: others })
    const curve = curves.get(label) ?? []
    curve.push({ value: Number(value), result: point.result })
    curves.set(label, curve)
  }
  return [...curves].map(([label, own]) => ({
    label,
    points: own.sort((a, b) => a.value - b.value),
  }))
}

function resultsOf(points: readonly SweptPoint[]): ReportTable {
  const paths = [...new Set(points.flatMap(({ settings }) => Object.keys(settings)))]
  const leading = paths.map((path) => ({
    title: lastPart(path),
    cells: points.map(({ settings }) => String(settings[path] ?? '')),
  }))
  const rates = {
    title: 'Rate',
    cells: points.map(({ rate }) => (rate === undefined ? '' : formatValue(rate, 'number'))),
  }
  const hasRates = points.some(({ rate }) => rate !== undefined)
  return {
    title: 'Results',
    table: summaryTable(points, [...leading, ...(hasRates ? [rates] : [])]),
  }
}

function nameOf(point: SweptPoint): string {
  return labelWith(labelOf(point), point.settings)
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
