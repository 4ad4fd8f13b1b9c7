import { findLocalPolicy, type LocalPolicyDefinition, parseRouterSpec } from '@routesim/algorithms'
import type { LocalPolicyFactory } from '@routesim/core'
import { isCodeFile } from '../code-files/code-file.js'
import { loadPolicyFile } from './policy-file.js'

/**
 * The local policy of a name, or of a file that exports one.
 * @throws RouteSimError `policy_unknown` or `policy_file`
 */
export function localPolicyOf(name: string): LocalPolicyDefinition {
  return isCodeFile(name) ? loadPolicyFile(name) : findLocalPolicy(name)
}

/**
 * The local policy that a config names, as in `deadline:slo_ms=500` or `./lifo.ts`; undefined for first come, first served,
 * which backends do by themselves.
 *
 * @throws RouteSimError when the policy or a parameter is unknown
 */
export function resolveScheduling(spec: string): LocalPolicyFactory | undefined {
  const { name, parameters } = parseRouterSpec(spec)
  const policy = localPolicyOf(name).configure(parameters)
  return policy.name === 'fcfs' ? undefined : policy
}
