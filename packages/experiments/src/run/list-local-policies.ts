import {
  builtinLocalPolicies,
  type LocalPolicyDefinition,
  type LocalPolicyManifest,
} from '@routesim/algorithms'

/** What can be said of a local policy without running it. */
export type LocalPolicyInfo = Pick<LocalPolicyDefinition, 'name' | 'description' | 'parameters'> &
  LocalPolicyManifest

/** The built-in orders of a backend's queue, with their parameters and defaults. */
export function listLocalPolicies(): LocalPolicyInfo[] {
  return builtinLocalPolicies.map(({ name, description, parameters, manifest }) => ({
    name,
    description,
    ...manifest,
    parameters,
  }))
}
