import { closestName, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import type { LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { deadline } from '../local/deadline.js'
import { fcfs } from '../local/fcfs.js'
import { hrrn } from '../local/hrrn.js'
import { laxity } from '../local/laxity.js'
import { longestPrefixMatch } from '../local/longest-prefix-match.js'
import { lottery } from '../local/lottery.js'
import { maxOnTime } from '../local/max-on-time.js'
import { priority } from '../local/priority.js'
import { shortest } from '../local/shortest.js'

/** The local policies of this package. */
export const builtinLocalPolicies: readonly LocalPolicyDefinition[] = /* @__PURE__ */ Object.freeze(
  [fcfs, shortest, priority, deadline, laxity, hrrn, lottery, maxOnTime, longestPrefixMatch],
)

/**
 * The built-in local policy of a name, written with `_` or `-`.
 *
 * @throws RouteSimError `policy_unknown`, with the names there are and the nearest as a hint
 * @example
 * findLocalPolicy('max-on-time').name // => 'max_on_time'
 */
export function findLocalPolicy(name: string): LocalPolicyDefinition {
  const canonical = name.replaceAll('-', '_')
  const found = builtinLocalPolicies.find((policy) => policy.name === canonical)
  if (found !== undefined) return found
  const names = builtinLocalPolicies.map((policy) => policy.name)
  const suggestion = closestName(canonical, names)
  throw new RouteSimError<AlgorithmsErrorCode>(
    `unknown local policy ${JSON.stringify(name)}: expected one of ${names.join(', ')}`,
    {
      code: 'policy_unknown',
      ...(suggestion === undefined ? {} : { hint: `Did you mean "${suggestion}"?` }),
    },
  )
}
