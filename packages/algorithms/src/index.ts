export type { AlgorithmsErrorCode } from './algorithms-error-code.js'
export { pdPair } from './combinators/pd-pair.js'
export {
  defineRouter,
  type RouterDefinition,
  type RouterOptions,
} from './definition/define-router.js'
export type {
  BooleanParameter,
  NumberParameter,
  ParameterValues,
  RouterParameter,
  RouterParameters,
  StringParameter,
} from './definition/router-parameters.js'
export { type BackendScore, leastBy, leastOf, mostBy } from './pickers/pick.js'
export { type TieRule, tiesParameter } from './pickers/ties.js'
export { builtinRouters, findRouter } from './registry/builtin-routers.js'
export { parseRouterSpec, type RouterSpec } from './registry/parse-router-spec.js'
export { costEscalation } from './routers/cost-escalation.js'
export { leastKv } from './routers/least-kv.js'
export { leastOutstanding } from './routers/least-outstanding.js'
export { powerOfTwo } from './routers/power-of-two.js'
export { prefixAware } from './routers/prefix-aware.js'
export { prefixOverlap } from './routers/prefix-overlap.js'
export { random } from './routers/random.js'
export { roundRobin } from './routers/round-robin.js'
export { sessionAffinity } from './routers/session-affinity.js'
