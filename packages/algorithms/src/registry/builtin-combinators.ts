import { closestName, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'
import type { CombinatorDefinition } from '../combinators/combinator.js'
import { flowControl } from '../combinators/flow-control.js'
import { gate } from '../combinators/gate.js'

/** The combinators of this package that a spec can name. */
export const builtinCombinators: readonly CombinatorDefinition[] = /* @__PURE__ */ Object.freeze([
  gate,
  flowControl,
])

/**
 * The combinator of a name, written with `_` or `-`.
 *
 * @throws RouteSimError `router_unknown`
 * @example
 * findCombinator('flow-control').name // => 'flow_control'
 */
export function findCombinator(name: string): CombinatorDefinition {
  const canonical = name.replaceAll('-', '_')
  const found = builtinCombinators.find((combinator) => combinator.name === canonical)
  if (found !== undefined) return found
  const names = builtinCombinators.map((combinator) => combinator.name)
  const suggestion = closestName(name, names)
  throw new RouteSimError<AlgorithmsErrorCode>(
    `unknown combinator ${JSON.stringify(name)}: expected one of ${names.join(', ')}`,
    {
      code: 'router_unknown',
      ...(suggestion === undefined ? {} : { hint: `Did you mean "${suggestion}"?` }),
    },
  )
}
