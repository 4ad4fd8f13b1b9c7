import { findLocalPolicy, parseRouterSpec } from '@routesim/algorithms'
import type { LocalPolicyFactory } from '@routesim/core'

/**
 * The local policy that a config names, as in `deadline:slo_ms=500`; undefined for first come, first served,
 * which backends do by themselves.
 *
 * @throws RouteSimError when the policy or a parameter is unknown
 */
export function resolveScheduling(spec: string): LocalPolicyFactory | undefined {
  const { name, parameters } = parseRouterSpec(spec)
  const policy = findLocalPolicy(name).configure(parameters)
  return policy.name === 'fcfs' ? undefined : policy
}
