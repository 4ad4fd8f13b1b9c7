import type { BackendEvent } from '@routesim/core'
import type { RunDetail } from '@routesim/metrics'
import type { Chart } from '../chart/chart.js'
import { backendLoad, highestLoad, LOAD_KINDS } from '../charts/backend-load.js'
import { cacheHits } from '../charts/cache-hits.js'
import { eventsSentence } from '../charts/event-marks.js'
import { tpotByOutputLength, ttftByPromptLength } from '../charts/latency-by-length.js'
import { latencyCdf } from '../charts/latency-cdf.js'
import { latencyPercentiles } from '../charts/latency-percentiles.js'
import { requestTimelineChart } from '../charts/request-timeline.js'
import { SAMPLED_KINDS, sampledLoad } from '../charts/sampled-load.js'
import { leadingResults } from '../results/leading-results.js'
import { labelOf, type ReportedResult } from '../results/reported-result.js'
import type { SampledLoad } from '../results/sampled-load.js'
import type { Origin, Report, Section } from './report.js'
import { type ReportedScenario, subtitleOf } from './scenario.js'
import { summaryTable } from './summary-table.js'

/** What {@link compareReport} shows: what `compare` of `@routesim/experiments` returns, or the like. */
export interface ComparedResults {
  readonly scenario: ReportedScenario
  /** One per algorithm; those that bring their own detail and samples leave the lists below out. */
  readonly results: readonly (ReportedResult['result'] | ReportedResult)[]
  /** What pictures need of each result, where that was kept. */
  readonly details?: readonly (RunDetail | undefined)[]
  /** What backends did over time, by run; the first run of an algorithm counts. */
  readonly samples?: readonly {
    readonly algorithm: string
    readonly rows: readonly SampledLoad[]
  }[]
  readonly verdict: readonly string[]
}

/** Backends over time and timelines are shown for so many algorithms: the quickest. */
const MOST_IN_DEPTH = 4

/**
 * A page about several algorithms under the same traffic, or about one.
 *
 * @example
 * renderHtml(compareReport(await compare({ config: 'configs/default.toml', detail: true })))
 */
export function compareReport(compared: ComparedResults, origin: Origin = {}): Report {
  const { scenario, verdict } = compared
  const results = reportedResults(compared)
  const leading = leadingResults(results)
  const title =
    results.length === 1
      ? `${labelOf(results[0]!)} on ${scenario.name}`
      : `${results.length} routing algorithms on ${scenario.name}`
  return {
    title,
    subtitle: subtitleOf(scenario),
    verdict,
    notes: [
      ...scenario.notes,
      ...(scenario.seeds.length > 1
        ? [
            'Numbers are means over the seeds with 95% intervals; curves and timelines are of the first seed.',
          ]
        : []),
    ],
    sections: [
      { title: 'Summary', tables: [{ title: 'Results', table: summaryTable(results) }] },
      ...sectionsOf(leading, results.length, scenario.events ?? []),
    ],
    origin,
  }
}

/** Each result with what belongs to it. */
function reportedResults({
  results,
  details = [],
  samples = [],
}: ComparedResults): ReportedResult[] {
  return results.map((each, i) =>
    'result' in each
      ? each
      : {
          result: each,
          detail: details[i],
          samples: samples.find(({ algorithm }) => algorithm === each.algorithm)?.rows,
        },
  )
}

/** The pictures of results that ran under the same traffic. */
function sectionsOf(
  results: readonly ReportedResult[],
  all: number,
  events: readonly BackendEvent[],
): Section[] {
  const few =
    results.length < all
      ? [`The ${results.length} of ${all} algorithms with the lowest P99 time to first token.`]
      : []
  const detailed = results.filter(({ detail }) => detail !== undefined)
  const deep = detailed.slice(0, MOST_IN_DEPTH)
  const deepText =
    deep.length < detailed.length
      ? [`The first ${deep.length} of these algorithms: ${deep.map(labelOf).join(', ')}.`]
      : []
  const latency: Chart[] =
    detailed.length > 0
      ? [
          latencyCdf(detailed, 'ttft_ms'),
          latencyCdf(detailed, 'itl_ms'),
          latencyCdf(detailed, 'e2e_ms'),
        ]
      : [
          latencyPercentiles(results, {
            path: 'ttft',
            title: 'Time to first token (TTFT)',
            id: 'ttft',
          }),
          latencyPercentiles(results, {
            path: 'tbt',
            title: 'Time between tokens (ITL)',
            id: 'itl',
          }),
          latencyPercentiles(results, {
            ...{ path: 'end_to_end_latency', title: 'End-to-end latency (E2E)', id: 'e2e' },
          }),
        ]
  const lengths =
    detailed.length > 0 ? [ttftByPromptLength(detailed), tpotByOutputLength(detailed)] : []
  const loads = deep.flatMap((result, i) =>
    LOAD_KINDS.flatMap(
      (kind) =>
        backendLoad(
          result,
          kind,
          `${kind.replaceAll('_', '-')}-${i}`,
          highestLoad(deep, kind),
          events,
        ) ?? [],
    ),
  )
  const sampled = results.filter(({ samples }) => samples !== undefined).slice(0, MOST_IN_DEPTH)
  const looks = sampled.flatMap((result, i) =>
    SAMPLED_KINDS.map((kind) =>
      sampledLoad(
        result.samples ?? [],
        kind,
        labelOf(result),
        `${kind.replaceAll('_', '-')}-${i}`,
        events,
      ),
    ),
  )
  const happened = [eventsSentence(events)].filter((sentence) => sentence !== '')
  const timelines = deep.flatMap((result, i) => requestTimelineChart(result, `timeline-${i}`) ?? [])
  const sections: Section[] = [
    { title: 'Latency', text: few, charts: latency },
    { title: 'Latency by length', charts: lengths },
    { title: 'Prefix cache', charts: [cacheHits(results)] },
    { title: 'Backends over time', text: [...deepText, ...happened], charts: loads },
    { title: 'KV cache and utilisation', text: happened, charts: looks },
    { title: 'Requests of one backend', text: deepText, charts: timelines },
  ]
  return sections.filter(({ charts }) => charts !== undefined && charts.length > 0)
}
