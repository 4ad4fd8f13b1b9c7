import type { RoutingAlgorithm } from '@routesim/core'
import { ROUTER_HOOKS } from '../definition/router-hooks.js'

/** All that an algorithm hears and can tell, without its decisions; what it has not stays absent. */
export function hooksOf(inner: RoutingAlgorithm): Partial<RoutingAlgorithm> {
  const own = ROUTER_HOOKS.filter((hook) => inner[hook] !== undefined)
  return {
    ...traitsOf(inner),
    // A class instance has them on its prototype, and wants to be asked itself.
    ...Object.fromEntries(own.map((hook) => [hook, (inner[hook] as () => unknown).bind(inner)])),
  }
}

/** What an algorithm says of itself beside its hooks; what it does not say stays absent. */
export function traitsOf(inner: RoutingAlgorithm): Partial<RoutingAlgorithm> {
  return {
    ...(inner.migrates === true && { migrates: true }),
    ...(inner.disaggregates === true && { disaggregates: true }),
    ...(inner.progressIntervalMs !== undefined && { progressIntervalMs: inner.progressIntervalMs }),
  }
}
