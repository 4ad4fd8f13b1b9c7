export type { Stepper } from './cluster/build-cluster.js'
export { type ConfigKey, configReference } from './config/config-reference.js'
export { loadConfig, parseConfig } from './config/parse-config.js'
export type { Config } from './config/schema.js'
export type { ExperimentsErrorCode } from './errors.js'
export {
  type AlgorithmSummary,
  type CompareOptions,
  type Comparison,
  compare,
} from './run/compare.js'
export type { Control, Progress } from './run/execute.js'
export { type AlgorithmInfo, listAlgorithms } from './run/list-algorithms.js'
export { listGpus, listModels, type ModelInfo } from './run/list-hardware.js'
export { type MetricValue, metric } from './run/metric.js'
export type { AlgorithmChoice, ConfiguredRouter } from './run/resolve-algorithms.js'
export { type RunOptions, type RunReport, run } from './run/run.js'
export type { ExperimentOptions, ScenarioInfo } from './run/scenario.js'
export { type SweepOptions, type SweepPoint, type SweepReport, sweep } from './run/sweep.js'
export type { TraceOptions } from './workload/load-workload.js'
