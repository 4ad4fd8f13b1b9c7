import { RouteSimError } from '@routesim/core'
import type { Chart } from '../chart/chart.js'
import { backendLoad, highestLoad, LOAD_KINDS } from '../charts/backend-load.js'
import { cacheHits } from '../charts/cache-hits.js'
import { tpotByOutputLength, ttftByPromptLength } from '../charts/latency-by-length.js'
import { latencyByRate } from '../charts/latency-by-rate.js'
import { latencyCdf } from '../charts/latency-cdf.js'
import { latencyPercentiles } from '../charts/latency-percentiles.js'
import { predictedMeasured } from '../charts/predicted-measured.js'
import { type PrefixRatioSeries, prefixRatioPanels } from '../charts/prefix-ratio.js'
import { requestTimelineChart } from '../charts/request-timeline.js'
import { SAMPLED_KINDS, sampledLoad } from '../charts/sampled-load.js'
import { throughputLatency } from '../charts/throughput-latency.js'
import type { ReportErrorCode } from '../report-error-code.js'
import { leadingCurves, RATE_METRICS } from '../reports/sweep-report.js'
import { metricsOf } from '../reports/validation-report.js'
import { leadingResults } from '../results/leading-results.js'
import { rateCurves } from '../results/rate-curves.js'
import { figureOf, labelOf } from '../results/reported-result.js'
import type { PlottedResults } from './read-results.js'

/** What can be drawn of result files. */
export type PlotKind =
  | 'latency'
  | 'ttft'
  | 'itl'
  | 'e2e'
  | 'length'
  | 'cache'
  | 'load'
  | 'timeline'
  | 'rate'
  | 'pareto'
  | 'validation'
  | 'prefix-ratio'

/** Backends over time and timelines are drawn for so many results. */
const MOST_IN_DEPTH = 4
/** Metrics of a validation that are drawn. */
const MOST_METRICS = 4

/**
 * The charts of a kind; of the kind that fits the results when none is given.
 *
 * @throws RouteSimError `plot_impossible` when the results do not hold what it takes
 */
export function plotCharts(plotted: PlottedResults, kind?: PlotKind): readonly Chart[] {
  const chosen = kind ?? fittingKind(plotted)
  const charts = MAKERS[chosen](plotted)
  if (charts.length > 0) return charts
  throw new RouteSimError<ReportErrorCode>(`nothing to draw as "${chosen}" in these results`, {
    code: 'plot_impossible',
    hint: NEEDS[chosen],
  })
}

function fittingKind({ results, points, rows, samples, ratios }: PlottedResults): PlotKind {
  if (ratios.length > 0 || results.some(({ prefixRatio }) => prefixRatio !== undefined))
    return 'prefix-ratio'
  if (points.length > 0) return 'rate'
  if (rows.length > 0) return 'validation'
  return samples.length > 0 && results.length === 0 ? 'load' : 'latency'
}

const DETAIL = 'It takes results of run or compare that were written with --detail.'
const RESULTS = 'It takes results of run or compare.'
const SWEEP = 'It takes results of sweep.'
const NEEDS: Readonly<Record<PlotKind, string>> = {
  latency: RESULTS,
  ttft: RESULTS,
  itl: RESULTS,
  e2e: RESULTS,
  length: DETAIL,
  cache: RESULTS,
  load: DETAIL,
  timeline: DETAIL,
  rate: SWEEP,
  pareto: SWEEP,
  validation: 'It takes results of validate with measured values.',
  'prefix-ratio': 'It takes results as 0.5=results.json, or a results_summary.json of Dynamo.',
}

const MAKERS: Readonly<Record<PlotKind, (plotted: PlottedResults) => readonly Chart[]>> = {
  latency: (plotted) =>
    ['ttft', 'itl', 'e2e'].flatMap((name) => latencyOf(plotted, name as 'ttft')),
  ttft: (plotted) => latencyOf(plotted, 'ttft'),
  itl: (plotted) => latencyOf(plotted, 'itl'),
  e2e: (plotted) => latencyOf(plotted, 'e2e'),
  length: (plotted) => {
    const detailed = detailedOf(plotted)
    return detailed.length === 0 ? [] : [ttftByPromptLength(detailed), tpotByOutputLength(detailed)]
  },
  cache: ({ results }) => (results.length === 0 ? [] : [cacheHits(leadingResults(results))]),
  load: (plotted) => {
    const deep = detailedOf(plotted).slice(0, MOST_IN_DEPTH)
    const known = deep.flatMap((result, i) =>
      LOAD_KINDS.flatMap(
        (kind) => backendLoad(result, kind, `${kind}-${i}`, highestLoad(deep, kind)) ?? [],
      ),
    )
    const labels = [...new Set(plotted.samples.map(({ algorithm }) => algorithm))]
    const sampled = labels.slice(0, MOST_IN_DEPTH).flatMap((label, i) => {
      const own = plotted.samples.filter(({ algorithm }) => algorithm === label)
      return SAMPLED_KINDS.map((kind) => sampledLoad(own, kind, label, `sampled-${kind}-${i}`))
    })
    return [...known, ...sampled]
  },
  timeline: (plotted) =>
    detailedOf(plotted)
      .slice(0, MOST_IN_DEPTH)
      .flatMap((result, i) => requestTimelineChart(result, `timeline-${i}`) ?? []),
  rate: ({ points }) => {
    const curves = leadingCurves(rateCurves(points))
    return curves.length === 0
      ? []
      : RATE_METRICS.filter(({ path }) => path.endsWith('p99')).map((metric) =>
          latencyByRate(curves, metric),
        )
  },
  pareto: ({ points }) =>
    points.length === 0 ? [] : [throughputLatency(leadingCurves(rateCurves(points)))],
  validation: ({ rows }) =>
    metricsOf(rows)
      .slice(0, MOST_METRICS)
      .map((metric, i) => predictedMeasured(rows, metric, `predicted-${i}`)),
  'prefix-ratio': (plotted) => {
    const series = [...plotted.ratios, ...ratiosOf(plotted)]
    return series.length === 0 ? [] : prefixRatioPanels(series)
  },
}

function detailedOf({ results }: PlottedResults) {
  return leadingResults(results.filter(({ detail }) => detail !== undefined))
}

const LATENCIES = {
  ttft: { curve: 'ttft_ms', path: 'ttft', title: 'Time to first token (TTFT)' },
  itl: { curve: 'itl_ms', path: 'tbt', title: 'Time between tokens (ITL)' },
  e2e: { curve: 'e2e_ms', path: 'end_to_end_latency', title: 'End-to-end latency (E2E)' },
} as const

/** The whole distribution where it was kept, else percentiles. */
function latencyOf(plotted: PlottedResults, name: keyof typeof LATENCIES): readonly Chart[] {
  const { curve, path, title } = LATENCIES[name]
  const shown = leadingResults(plotted.results)
  if (shown.length === 0) return []
  return shown.every(({ detail }) => detail !== undefined)
    ? [latencyCdf(shown, curve)]
    : [latencyPercentiles(shown, { path, title, id: name })]
}

/** One series per algorithm over the ratios that the caller gave. */
function ratiosOf({ results }: PlottedResults): PrefixRatioSeries[] {
  const known = results.flatMap((result) =>
    result.prefixRatio === undefined ? [] : [{ ...result, ratio: result.prefixRatio }],
  )
  return [...new Set(known.map(labelOf))].map((label) => {
    const own = known.filter((result) => labelOf(result) === label)
    own.sort((a, b) => a.ratio - b.ratio)
    return {
      label,
      ratios: own.map(({ ratio }) => ratio),
      ttftMs: own.map(({ result }) => figureOf(result, 'ttft.mean').value),
      throughput: own.map(({ result }) => figureOf(result, 'gen_tokens_per_sec').value),
    }
  })
}
