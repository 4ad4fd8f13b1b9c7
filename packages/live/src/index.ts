export { type LoadClientOptions, runLoad } from './bench/load-client.js'
export {
  combineMetrics,
  isOnSchedule,
  type LoadMetrics,
  loadMetrics,
  type MetricStatistics,
} from './bench/load-metrics.js'
export {
  type PrefixRatioOptions,
  type PrefixRatioSummary,
  prefixRatioBench,
} from './bench/prefix-ratio-bench.js'
export { PromptContents } from './bench/prompt-contents.js'
export type { LoadRun, RequestMeasurement } from './bench/request-measurement.js'
export {
  type BenchOptions,
  type BenchResult,
  type BenchTarget,
  runBench,
} from './bench/run-bench.js'
export { type SimulateLoadOptions, simulateLoad } from './bench/simulate-load.js'
export {
  type ArrivalPattern,
  type SyntheticWorkloadOptions,
  syntheticWorkload,
} from './bench/synthetic-workload.js'
export { writeArtifacts } from './bench/write-artifacts.js'
export { faultName } from './fault-name.js'
export type { KvEvent, KvEventBatch, KvEventPlace } from './kv-events/kv-event.js'
export {
  type KvEventCounts,
  type KvEventSink,
  KvEventSubscriber,
  type KvEventSubscriberOptions,
} from './kv-events/kv-event-subscriber.js'
export type { LiveErrorCode } from './live-error-code.js'
export { type FailureOptions, NO_FAILURES } from './mock/failure-switches.js'
export { type MockClusterFlags, mockClusterConfig } from './mock/mock-cluster-config.js'
export type { MockEngine } from './mock/mock-engine.js'
export {
  type MockKvEventOptions,
  type MockWorkers,
  type MockWorkersOptions,
  startMockWorkers,
  type WorkerAddress,
} from './mock/mock-workers.js'
export type { Endpoint } from './openai/completion-request.js'
export { type Ping, type PingOptions, ping } from './ping/ping.js'
export {
  type AlgorithmFactory,
  loadAlgorithmFactory,
  makeAlgorithm,
  serveDifferently,
} from './router/load-algorithm-factory.js'
export { readKeyFile } from './router/read-key-file.js'
export { REQUEST_ENDS, type RequestEnd } from './router/request-ends.js'
export {
  checkRouterConfig,
  FIXED_KEYS,
  type RouterConfig,
  type RouterConfigInput,
  routerConfigReference,
} from './router/router-config.js'
export type { RouterLogEntry } from './router/router-log-entry.js'
export {
  type RouterServerOptions,
  type RunningRouter,
  startRouter,
} from './router/router-server.js'
export { type BlockHashes, type ExtraKeys, hashBlocks } from './tokens/block-hashes.js'
export { BlockInterner } from './tokens/block-interner.js'
export { BYTES_PER_TOKEN, tokensOfText } from './tokens/prompt-tokens.js'
export { type TwinFigure, type TwinOptions, type TwinReport, twin } from './twin/twin.js'
export type { LiveKnowledge } from './twin/visibility-of.js'
