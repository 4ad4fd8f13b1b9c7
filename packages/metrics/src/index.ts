export type { MetricsErrorCode } from './errors/metrics-error-code.js'
export { type RequestRow, requestRows } from './export/request-rows.js'
export { type CsvValue, toCsv } from './export/to-csv.js'
export { LogHistogram } from './histogram/log-histogram.js'
export { TokenGapRecorder } from './histogram/token-gap-recorder.js'
export { FlowBins } from './saturation/flow-bins.js'
export { type Saturation, type SaturationVerdict, saturation } from './saturation/saturation.js'
export { type LoadRow, LoadSeries } from './series/load-series.js'
export { SloCounter, type SloFindings } from './slo/slo-counter.js'
export type { ClassSlo, SloOptions, SloTargets, TenantSlo } from './slo/slo-options.js'
export type { SloAttainment, SloReport, TenantReport, TenantSummary } from './slo/slo-report.js'
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
