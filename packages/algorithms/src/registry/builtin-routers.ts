import { closestName, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import type { RouterDefinition } from '../definition/define-router.js'
import { aibrixLoadBalance } from '../routers/aibrix-load-balance.js'
import { aibrixPrefixCache } from '../routers/aibrix-prefix-cache.js'
import { aibrixSlo } from '../routers/aibrix-slo.js'
import { aibrixVtc } from '../routers/aibrix-vtc.js'
import { chwblPrefix } from '../routers/chwbl-prefix.js'
import { costEscalation } from '../routers/cost-escalation.js'
import { dualmap } from '../routers/dualmap.js'
import { dynamoKv } from '../routers/dynamo-kv.js'
import { dynamoStandalone } from '../routers/dynamo-standalone.js'
import { eppScorers } from '../routers/epp-scorers.js'
import { eppSticky } from '../routers/epp-sticky.js'
import { leastKv } from '../routers/least-kv.js'
import { leastOutstanding } from '../routers/least-outstanding.js'
import { llumnix } from '../routers/llumnix.js'
import { lmetric } from '../routers/lmetric.js'
import { powerOfTwo } from '../routers/power-of-two.js'
import { preble } from '../routers/preble.js'
import { prefixAware } from '../routers/prefix-aware.js'
import { prefixOverlap } from '../routers/prefix-overlap.js'
import { productionStackLoadAware } from '../routers/production-stack-load-aware.js'
import { productionStackPrefixAware } from '../routers/production-stack-prefix-aware.js'
import { random } from '../routers/random.js'
import { rayPrefixAffinity } from '../routers/ray-prefix-affinity.js'
import { roundRobin } from '../routers/round-robin.js'
import { sessionAffinity } from '../routers/session-affinity.js'
import { sessionHash } from '../routers/session-hash.js'
import { sglangCacheAware } from '../routers/sglang-cache-aware.js'
import { skywalker } from '../routers/skywalker.js'
import { smgLeastLoad } from '../routers/smg-least-load.js'
import { ttftMin } from '../routers/ttft-min.js'
import { vllmDataParallel } from '../routers/vllm-data-parallel.js'
import { builtinCombinators } from './builtin-combinators.js'

/** The routers of this package, from the simplest to the most involved. */
export const builtinRouters: readonly RouterDefinition[] = /* @__PURE__ */ Object.freeze([
  roundRobin,
  random,
  leastOutstanding,
  powerOfTwo,
  leastKv,
  prefixAware,
  prefixOverlap,
  sessionAffinity,
  costEscalation,
  sessionHash,
  chwblPrefix,
  vllmDataParallel,
  smgLeastLoad,
  lmetric,
  ttftMin,
  productionStackPrefixAware,
  productionStackLoadAware,
  rayPrefixAffinity,
  preble,
  sglangCacheAware,
  aibrixPrefixCache,
  aibrixLoadBalance,
  aibrixVtc,
  aibrixSlo,
  eppScorers,
  eppSticky,
  dynamoStandalone,
  dynamoKv,
  skywalker,
  dualmap,
  llumnix,
])

/**
 * The built-in router of a name, written with `_` or `-`.
 *
 * @throws RouteSimError `router_unknown`, with the names there are and the nearest as a hint
 * @example
 * findRouter('power-of-two').name // => 'power_of_two'
 */
export function findRouter(name: string): RouterDefinition {
  const canonical = name.replaceAll('-', '_')
  const found = builtinRouters.find((router) => router.name === canonical)
  if (found !== undefined) return found
  const names = builtinRouters.map((router) => router.name)
  const hint = hintFor(name, names)
  throw new RouteSimError<AlgorithmsErrorCode>(
    `unknown router ${JSON.stringify(name)}: expected one of ${names.join(', ')}`,
    { code: 'router_unknown', ...(hint === undefined ? {} : { hint }) },
  )
}

function hintFor(name: string, names: readonly string[]): string | undefined {
  const [first] = name.replaceAll('-', '_').split(/[@(:]/)
  if (builtinCombinators.some((combinator) => combinator.name === first))
    return `It goes around a router: "${first}(NAME)", with parameters or a preset behind the bracket.`
  const suggestion = closestName(name, names)
  return suggestion === undefined ? undefined : `Did you mean "${suggestion}"?`
}
