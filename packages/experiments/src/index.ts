export { type CapacityOptions, capacity } from './answers/capacity.js'
export type { CapacityAnswer, CapacityProbe, CapacityReport } from './answers/capacity-report.js'
export type { JudgedMetric } from './answers/judged-metrics.js'
export type { PairedDifference } from './answers/paired-difference.js'
export {
  checkRobustness,
  type RobustnessOptions,
  type RobustnessRank,
  type RobustnessReport,
  type RobustnessSetting,
  robustness,
} from './answers/robustness.js'
export type { SearchOptions } from './answers/search-options.js'
export { type TuneOptions, tune } from './answers/tune.js'
export type { ParameterSensitivity, TunedParameter, TuneReport } from './answers/tune-report.js'
export { type WhatifOptions, type WhatifReport, whatif } from './answers/whatif.js'
export {
  type CalibratedParameter,
  type CalibrateOptions,
  type Calibration,
  calibrate,
} from './calibrate/calibrate.js'
export type { MeasuredRequest } from './calibrate/measured-request.js'
export {
  type MeasurementFormat,
  type Measurements,
  parseMeasurements,
  readMeasurements,
} from './calibrate/read-measurements.js'
export { buildFleet, type Fleet, type FleetGroup, type Stepper } from './cluster/build-cluster.js'
export { type ConfigKey, configReference, schemaReference } from './config/config-reference.js'
export { checkConfig } from './config/config-source.js'
export { keepsEvicted } from './config/memory-schema.js'
export { loadConfig, parseConfig, parseToml, readConfig } from './config/parse-config.js'
export type { Config } from './config/schema.js'
export { whyUnreadable } from './config/why-unreadable.js'
export type { ExperimentsErrorCode } from './errors.js'
export { importOptional } from './queue/import-optional.js'
export type { QueueOption } from './queue/runs-in-queue.js'
export {
  runSweepWorker,
  type SweepWorkerOptions,
  type WorkerCounts,
  type WorkerRun,
} from './queue/sweep-worker.js'
export { type LoadAlgorithmOptions, loadAlgorithm } from './routers/load-algorithm.js'
export { loadChoice } from './routers/load-choice.js'
export { type CompareOptions, type Comparison, compare } from './run/compare.js'
export type { Control, ObservedRun, Progress, RunObserver } from './run/execute.js'
export {
  type Alternative,
  type ExplainedDecision,
  type ExplainedRequest,
  type ExplainOptions,
  type ExplainReport,
  explain,
} from './run/explain.js'
export { type LackingSeeds, lackingSeeds, lackingSeedsText } from './run/lacking-seeds.js'
export { type AlgorithmInfo, listAlgorithms } from './run/list-algorithms.js'
export { listCombinators } from './run/list-combinators.js'
export { listGpus, listModels, type ModelInfo } from './run/list-hardware.js'
export { type LocalPolicyInfo, listLocalPolicies } from './run/list-local-policies.js'
export { type MetricValue, metric } from './run/metric.js'
export {
  type AlgorithmChoice,
  type ConfiguredRouter,
  choosesBoth,
  type RouterMaker,
  type RouterPair,
  routerMaker,
  type SingleChoice,
} from './run/resolve-algorithms.js'
export { type RunOptions, type RunReport, run } from './run/run.js'
export type { RunSamples } from './run/run-samples.js'
export type { ExperimentOptions, ScenarioInfo } from './run/scenario.js'
export type { AlgorithmSummary, JobsOption } from './run/simulate-all.js'
export type { ServingSimAxes, ServingSimPoint } from './serving-sim/combinations.js'
export { type MemoryUsageRow, memoryUsage } from './serving-sim/memory-usage.js'
export { type QueueStateRow, queueStates } from './serving-sim/queue-states.js'
export { type RequestStateRow, requestStates } from './serving-sim/request-states.js'
export {
  type ServingSimOptions,
  type ServingSimReport,
  type ServingSimResult,
  type ServingSimRun,
  servingSim,
} from './serving-sim/serving-sim.js'
export type { ServingSimTransfer } from './serving-sim/to-config.js'
export type { ServingSimTraffic } from './serving-sim/traffic.js'
export { aiperfHeader } from './sweep/aiperf-header.js'
export { type AiperfProfile, aiperfProfile } from './sweep/aiperf-profile.js'
export type { Axis, Sampling, Setting, SettingRange, Settings } from './sweep/design.js'
export { isOneSweep, type MergedLogs, mergeResultLogs } from './sweep/merge-results.js'
export {
  type FailedRun,
  type FinishedRun,
  type LogContent,
  type ResultPlace,
  type ResultRecord,
  readResultLog,
} from './sweep/result-log.js'
export { parseShard, type Shard } from './sweep/shard.js'
export { type SweepOptions, type SweepReport, sweep } from './sweep/sweep.js'
export { type SweepFailure, type SweepPoint, sweepPoints } from './sweep/sweep-points.js'
export type { ErrorSummary } from './validation/report/error-summary.js'
export type { PolicyPair } from './validation/report/policy-order.js'
export type { SaturationKnee } from './validation/report/saturation-knee.js'
export type { UnpredictedRow } from './validation/report/unpredicted-row.js'
export type { ValidationPlace, ValidationRow } from './validation/report/validation-row.js'
export {
  type ValidateOptions,
  type ValidationReport,
  validate,
} from './validation/validate.js'
export { parseVisibility } from './visibility/resolve-visibility.js'
export { VISIBILITY_PROFILES, type VisibilityProfile } from './visibility/visibility-profiles.js'
export { generatedRequests } from './workload/generated-requests.js'
export type { TraceOptions } from './workload/load-workload.js'
export { workloadToml } from './workload/workload-toml.js'
