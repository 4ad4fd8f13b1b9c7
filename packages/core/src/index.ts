export type { BackendCounters } from './backend/backend-meters.js'
export type { BatchingPolicy, PreemptionMode } from './backend/engine-policies.js'
export type {
  ArrangedPolicy,
  LocalPolicy,
  LocalPolicyFactory,
  RankedPolicy,
  WaitingRequest,
  WaitingRequests,
} from './backend/queues/local-policy.js'
export type {
  BackendEvent,
  BackendEventKind,
  RetryPolicy,
} from './engine/failures/backend-event.js'
export { checkBackendEvents } from './engine/failures/check-life.js'
export {
  OnlineFleet,
  type OnlineFleetOptions,
  type OnlineListener,
} from './engine/online-fleet.js'
export type { BackendSnapshot, LoadSampler } from './engine/results/load-sampler.js'
export type { Recorder } from './engine/results/recorder.js'
export {
  type BackendTotals,
  type KvTierTotals,
  OUTCOME,
  type RequestOutcomes,
  type RunResult,
  type RunTotals,
} from './engine/results/run-result.js'
export { invalidDecision } from './engine/routers/decision-errors.js'
export { DecisionNotebook } from './engine/routers/decision-notebook.js'
export { Simulation, simulate } from './engine/simulation.js'
export type {
  AdapterCapacity,
  BackendSpec,
  ClusterSpec,
  KvContention,
  KvTransfer,
  SimulationOptions,
  TogetherOptions,
} from './engine/simulation-options.js'
export { closestName } from './errors/closest-name.js'
export { type ErrorDetails, RouteSimError } from './errors/routesim-error.js'
export { type CodeOwner, thrownBy } from './errors/thrown-by.js'
export { type PlaceOptions, userPlaceOf, withCauses } from './errors/user-place.js'
export { whyUnwritable } from './errors/why-unwritable.js'
export { RandomStream } from './kernel/random-stream.js'
export type {
  BackendSet,
  BlockTreeColumns,
  BulkKvCache,
  KvCache,
  KvCacheFactory,
  KvCacheView,
  KvCapacity,
  KvTier,
  KvUsage,
  RadixPlan,
  RenewableKvCache,
} from './kv-cache/kv-cache.js'
export type { KvListener } from './kv-cache/kv-listener.js'
export {
  EMPTY_STEP,
  type LatencyModel,
  type StepSegment,
  type StepShape,
} from './latency/latency-model.js'
export { Float64Column } from './requests/float64-column.js'
export { Int32Column } from './requests/int32-column.js'
export { Int32List } from './requests/int32-list.js'
export { awaitedBy, type Join, type JoinColumns, joinColumns } from './requests/joins.js'
export type { PromptPathWriter } from './requests/prompt-runs.js'
export { NO_NODE, type PromptTree } from './requests/prompt-tree.js'
export { type ContentKey, PromptTreeBuilder } from './requests/prompt-tree-builder.js'
export { INT_COLUMNS, RequestColumns } from './requests/request-columns.js'
export { type RequestSource, tableSource } from './requests/request-source.js'
export type { RequestTable } from './requests/request-table.js'
export { type RequestRecord, RequestTableBuilder } from './requests/request-table-builder.js'
export { separateAdapters } from './requests/separate-adapters.js'
export { shareTable } from './requests/share-table.js'
export { sharedFloat64, sharedInt32 } from './requests/shared-columns.js'
export type {
  AdapterState,
  BackendColumns,
  BackendRole,
  BackendView,
  ClusterView,
} from './routing/cluster-view.js'
export type {
  BackendFacts,
  BackendKnowledge,
  BestScore,
  CandidateScore,
  DecisionNotes,
  DecisionRecord,
  DecisionTrace,
  ForcedDecision,
  RandomState,
} from './routing/decision-trace.js'
export { areOfOneModel } from './routing/one-model.js'
export type { RequestUsage, RequestView } from './routing/request-view.js'
export {
  type BackendChange,
  type BackendReply,
  type DecodeDecision,
  type Disaggregate,
  disaggregate,
  type Hold,
  hold,
  type KvEvent,
  type MigrationMode,
  type PrefillOn,
  prefillOn,
  type Reject,
  type RoutingAlgorithm,
  type RoutingDecision,
  reject,
} from './routing/routing-algorithm.js'
export {
  type ApproximatePrefixes,
  type DeliveredKvEvents,
  type PolledMetrics,
  type RouterSplit,
  tellsKvEvents,
  type Visibility,
} from './routing/visibility.js'
