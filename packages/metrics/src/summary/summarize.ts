import type { RunResult, RunTotals } from '@routesim/core'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { composeSummary, type SummaryOptions } from './compose-summary.js'
import { measureRequests } from './measured-requests.js'
import type { RequestStatistics } from './request-statistics.js'
import type { RunSummary } from './run-summary.js'

/**
 * Reduces a run to its {@link RunSummary}.
 * @param gaps - inter-token gaps of the measured requests, from a `TokenGapRecorder`
 * @throws RouteSimError `warmup_leaves_nothing`, `prices_invalid`, `slo_invalid`
 */
export function summarize(
  result: RunResult,
  gaps: LogHistogram,
  options: SummaryOptions,
): RunSummary {
  return composeSummary(result, () => measureRequests(result, gaps, options), options)
}

/**
 * The same of a run whose requests came from a source: latencies are within 0.4 % of the exact ones,
 * everything that is counted is exact.
 * @param statistics - the recorder of the run
 * @throws RouteSimError `warmup_leaves_nothing`, `prices_invalid`
 */
export function summarizeTotals(
  totals: RunTotals,
  statistics: RequestStatistics,
  options: SummaryOptions,
): RunSummary {
  return composeSummary(totals, () => statistics.measured(), options)
}
