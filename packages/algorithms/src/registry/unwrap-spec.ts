import type { RoutingAlgorithm } from '@routesim/core'
import type { CombinatorDefinition } from '../combinators/combinator.js'
import { findCombinator } from './builtin-combinators.js'
import { parseRouterSpec } from './parse-router-spec.js'

/** A combinator with parameters of its own. */
export interface ConfiguredCombinator {
  readonly definition: CombinatorDefinition
  readonly parameters: Readonly<Record<string, unknown>>
}

/** A router as written, and the combinators around it. */
export interface UnwrappedSpec {
  /** What is in the innermost brackets, or all of it. */
  readonly router: string
  /** The outermost first. */
  readonly around: readonly ConfiguredCombinator[]
}

/**
 * Takes a spec out of its combinators.
 *
 * @throws RouteSimError `router_spec_invalid`, or `router_unknown` when there is no such combinator
 * @example
 * unwrapSpec('gate(flow-control(random)):queue_limit=3').router // => 'random'
 */
export function unwrapSpec(spec: string): UnwrappedSpec {
  const { name, parameters, inner } = parseRouterSpec(spec)
  if (inner === undefined) return { router: spec, around: [] }
  const { router, around } = unwrapSpec(inner)
  return { router, around: [{ definition: findCombinator(name), parameters }, ...around] }
}

/** A router in combinators. @param around - the outermost first */
export function wrapRouter(
  router: RoutingAlgorithm,
  around: readonly ConfiguredCombinator[],
): RoutingAlgorithm {
  return around.reduceRight(
    (inner, { definition, parameters }) => definition.wrap(inner, parameters),
    router,
  )
}
