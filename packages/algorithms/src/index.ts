export type { AlgorithmsErrorCode } from './algorithms-error-code.js'
export {
  type CombinatorDefinition,
  type CombinatorOptions,
  defineCombinator,
} from './combinators/combinator.js'
export { flowControl } from './combinators/flow-control.js'
export { gate } from './combinators/gate.js'
export { type PdPairOptions, pdPair } from './combinators/pd-pair.js'
export { perModel } from './combinators/per-model.js'
export {
  type SaturationLimits,
  type SaturationRule,
  saturationOf,
} from './combinators/saturation.js'
export {
  defineLocalPolicy,
  type LocalPolicyDefinition,
  type LocalPolicyManifest,
  type LocalPolicyOptions,
} from './definition/define-local-policy.js'
export {
  defineRouter,
  type RouterDefinition,
  type RouterOptions,
} from './definition/define-router.js'
export type {
  RouterManifest,
  RouterObservation,
  RouterPreset,
  RouterPresets,
} from './definition/router-manifest.js'
export type {
  BooleanParameter,
  NumberParameter,
  ParameterValues,
  RouterParameter,
  RouterParameters,
  StringParameter,
} from './definition/router-parameters.js'
export { boundedLoad, type LoadBound, type Overflow, placeKey } from './hashing/bounded-load.js'
export { hashInteger, hashString } from './hashing/hash.js'
export { HashRing } from './hashing/hash-ring.js'
export type { KeyPlacement } from './hashing/key-placement.js'
export { Maglev } from './hashing/maglev.js'
export { Rendezvous } from './hashing/rendezvous.js'
export { ActiveBlocks } from './load/active-blocks.js'
export { Ema } from './load/ema.js'
export { InFlightTokens } from './load/in-flight-tokens.js'
export { LatencyPredictor } from './load/latency-predictor.js'
export { LatencyTrend } from './load/latency-trend.js'
export { LowestRate } from './load/lowest-rate.js'
export { SentTokens } from './load/sent-tokens.js'
export { SlidingWindow } from './load/sliding-window.js'
export { WindowCounts } from './load/window-counts.js'
export { lengthClass, WorkProfile, type WorkRates } from './load/work-profile.js'
export { deadline } from './local/deadline.js'
export { fcfs } from './local/fcfs.js'
export { hrrn } from './local/hrrn.js'
export { laxity } from './local/laxity.js'
export { longestPrefixMatch } from './local/longest-prefix-match.js'
export { lottery } from './local/lottery.js'
export { maxOnTime, mostOnTime, type TimedJob } from './local/max-on-time.js'
export { priority } from './local/priority.js'
export { shortest } from './local/shortest.js'
export { normaliseMinMax } from './pickers/normalise.js'
export { type BackendScore, leastBy, leastOf, mostBy } from './pickers/pick.js'
export { Rotation } from './pickers/rotation.js'
export { softmaxOf } from './pickers/softmax.js'
export { type TieRule, tiesParameter } from './pickers/ties.js'
export { weightedOf } from './pickers/weighted.js'
export { BlockIndex, type BlockIndexLimits } from './prefix-index/block-index.js'
export {
  type DeepestHolders,
  HomeLoads,
  type HomeLoadsOptions,
} from './prefix-index/home-loads.js'
export {
  chainHashes,
  KvEventIndex,
  type KvEventOutcome,
  type StoredBlock,
} from './prefix-index/kv-event-index.js'
export {
  indexParameter,
  PrefixBelief,
  type PrefixBeliefOptions,
  type PrefixIndexKind,
} from './prefix-index/prefix-belief.js'
export { type DeepestMatch, RadixTree, type RadixTreeOptions } from './prefix-index/radix-tree.js'
export { PromptPath } from './prompt/prompt-path.js'
export { type Fairness, FairQueue, type FlowRequest } from './queues/fair-queue.js'
export {
  type QueueDiscipline,
  type QueuedRequest,
  queueDisciplines,
  RequestQueue,
} from './queues/request-queue.js'
export { builtinCombinators, findCombinator } from './registry/builtin-combinators.js'
export { builtinLocalPolicies, findLocalPolicy } from './registry/builtin-local-policies.js'
export { builtinRouters, findRouter } from './registry/builtin-routers.js'
export { parseRouterSpec, type RouterSpec } from './registry/parse-router-spec.js'
export {
  type ConfiguredCombinator,
  type UnwrappedSpec,
  unwrapSpec,
  wrapRouter,
} from './registry/unwrap-spec.js'
export { aibrixLoadBalance } from './routers/aibrix-load-balance.js'
export { aibrixPrefixCache } from './routers/aibrix-prefix-cache.js'
export { aibrixSlo } from './routers/aibrix-slo.js'
export { aibrixVtc } from './routers/aibrix-vtc.js'
export { chwblPrefix } from './routers/chwbl-prefix.js'
export { costEscalation } from './routers/cost-escalation.js'
export { dualmap } from './routers/dualmap.js'
export { type DynamoLoad, dynamoCost, dynamoKv } from './routers/dynamo-kv.js'
export { dynamoStandalone } from './routers/dynamo-standalone.js'
export { eppScorers } from './routers/epp-scorers.js'
export { eppSticky } from './routers/epp-sticky.js'
export { leastKv } from './routers/least-kv.js'
export { leastOutstanding } from './routers/least-outstanding.js'
export { llumnix } from './routers/llumnix.js'
export { freeness } from './routers/llumnix-room.js'
export { lmetric } from './routers/lmetric.js'
export { powerOfTwo } from './routers/power-of-two.js'
export { preble } from './routers/preble.js'
export { prefixAware } from './routers/prefix-aware.js'
export { prefixOverlap } from './routers/prefix-overlap.js'
export { productionStackLoadAware } from './routers/production-stack-load-aware.js'
export { productionStackPrefixAware } from './routers/production-stack-prefix-aware.js'
export { random } from './routers/random.js'
export { rayPrefixAffinity } from './routers/ray-prefix-affinity.js'
export { roundRobin } from './routers/round-robin.js'
export { sessionAffinity } from './routers/session-affinity.js'
export { sessionHash } from './routers/session-hash.js'
export { sglangCacheAware } from './routers/sglang-cache-aware.js'
export { skywalker } from './routers/skywalker.js'
export { smgLeastLoad } from './routers/smg-least-load.js'
export { ttftMin } from './routers/ttft-min.js'
export { vllmDataParallel } from './routers/vllm-data-parallel.js'
export { type TestClusterOptions, testBackend, testCluster } from './test-kit/test-cluster.js'
export { testPrompt, testRequest, testUsage } from './test-kit/test-request.js'
