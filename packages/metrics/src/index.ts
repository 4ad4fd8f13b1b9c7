export type { BackendLoad, LoadOverTime } from './detail/backend-load.js'
export type { LatencyByLength, LengthBin } from './detail/latency-by-length.js'
export type { LatencyCurves } from './detail/latency-curves.js'
export type { RequestSample } from './detail/request-sample.js'
export type { RequestTimeline, TimelineRequest } from './detail/request-timeline.js'
export { detailRun, type RunDetail } from './detail/run-detail.js'
export type { MetricsErrorCode } from './errors/metrics-error-code.js'
export { type RequestRow, requestRows } from './export/request-rows.js'
export { type CsvValue, toCsv } from './export/to-csv.js'
export { LogHistogram } from './histogram/log-histogram.js'
export { TokenGapRecorder } from './histogram/token-gap-recorder.js'
export { type ConfidenceInterval, confidenceInterval } from './statistics/confidence-interval.js'
export type { Distribution } from './statistics/distribution.js'
export { percentile } from './statistics/percentile.js'
export type { BackendCacheStatistics } from './summary/cache-statistics.js'
export type { SummaryOptions } from './summary/compose-summary.js'
export { RequestStatistics } from './summary/request-statistics.js'
export type { BackendSummary, RunSummary } from './summary/run-summary.js'
export { summarize, summarizeTotals } from './summary/summarize.js'
export {
  type OverSeeds,
  type SeedEstimate,
  type SeedsSummary,
  summarizeSeeds,
} from './summary/summarize-seeds.js'
