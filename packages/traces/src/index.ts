export type { LoweredRecords, PrefixHashes, SessionPromptsMode } from './columns/lower-columns.js'
export { editRecords, editTrace, type TraceEdits } from './editing/edit-trace.js'
export { mergeRecords, mergeTraces, repeatRecords, repeatTrace } from './editing/merge-traces.js'
export {
  RETIMINGS,
  type RetimeOptions,
  type Retiming,
  retimeTrace,
} from './editing/retime-trace.js'
export type { TraceErrorCode } from './errors/trace-error.js'
export { type FitError, fitErrors } from './fitting/fit-error.js'
export { fitTrace, fitWorkload, type TraceFit } from './fitting/fit-workload.js'
export { blockTokensOf } from './formats/block-tokens.js'
export {
  detectTraceFormat,
  parseTraceFormat,
  TRACE_FORMAT_ALIASES,
  TRACE_FORMATS,
  type TraceFormat,
  WRITABLE_TRACE_FORMATS,
  type WritableTraceFormat,
} from './formats/trace-format.js'
export {
  ARRIVAL_KINDS,
  type ArrivalKind,
  type ArrivalsSpec,
  type DiurnalRate,
  type OnOffRate,
  type RateStage,
} from './generating/arrivals-spec.js'
export { atRequestRate } from './generating/at-request-rate.js'
export { checkWorkload } from './generating/check-workload.js'
export {
  DISTRIBUTION_KINDS,
  type Distribution,
  type DistributionKind,
  type DistributionSpec,
} from './generating/distribution.js'
export { generateTrace } from './generating/generate-trace.js'
export { GeneratedSource } from './generating/generated-source.js'
export {
  GENERATOR_KINDS,
  type GeneratorKind,
  type GeneratorOptions,
  LENGTH_DISTRIBUTIONS,
  type LengthDistribution,
} from './generating/generator-options.js'
export { expectedRequests } from './generating/plan-workload.js'
export { readServegenClients, type ServegenOptions } from './generating/servegen-clients.js'
export {
  SERVING_SIMULATOR_SOURCES,
  type ServingSimulatorOptions,
  servingSimulatorRequests,
} from './generating/serving-simulator-requests.js'
export { TraceGeneration } from './generating/trace-generation.js'
export {
  AGENT_CONTEXTS,
  type AgentsSpec,
  type Choice,
  type ClientSpec,
  PREFIX_OWNERS,
  type PrefixLevel,
  type PrefixOwner,
  type ServiceClass,
  type SessionsSpec,
  TURN_TIMES,
  type TurnTime,
  type WorkloadBounds,
  type WorkloadSpec,
} from './generating/workload-spec.js'
export { PUBLIC_TRACES, type PublicTrace } from './public/public-traces.js'
export { type PulledTrace, type PullOptions, pullTrace } from './public/pull-trace.js'
export { findPublicTrace, pulledPath, traceStore } from './public/trace-store.js'
export type { ReadProgress, TraceSource } from './reading/byte-source.js'
export { ignoredNote } from './reading/ignored-note.js'
export { type ReadTraceOptions, readTrace, type TraceReadResult } from './reading/read-trace.js'
export type { SkippedRecords } from './reading/record-collector.js'
export { skippedNote } from './reading/skipped-note.js'
export { analyzeTrace, type TraceAnalysis } from './stats/analyze-trace.js'
export type { ArrivalStatistics } from './stats/arrival-statistics.js'
export { lostSharingNote } from './stats/lost-sharing-note.js'
export type { CachePoint, PrefixStatistics } from './stats/prefix-statistics.js'
export { type PromptSharing, promptSharing } from './stats/prompt-sharing.js'
export type { SessionStatistics } from './stats/session-statistics.js'
export type { Spread } from './stats/spread.js'
export { StackDistances } from './stats/stack-distances.js'
export { type TraceStats, type TraceStatsOptions, traceStats } from './stats/trace-stats.js'
export type { SynthesisOptions } from './synthesis/synthesis-options.js'
export { synthesizeTrace } from './synthesis/synthesize-trace.js'
export { type ConvertTraceOptions, convertTrace } from './writing/convert-trace.js'
export type { EncodeOptions } from './writing/encode-trace.js'
export { absentColumns } from './writing/lost-columns.js'
export {
  formatTrace,
  type TraceWriteResult,
  type WriteTraceOptions,
  writeTrace,
} from './writing/write-trace.js'
