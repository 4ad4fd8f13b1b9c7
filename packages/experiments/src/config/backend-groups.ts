import { areOfOneModel } from '@routesim/core'
import type * as z from 'zod'
import { kvPrecisionOf } from '../cluster/build-latency.js'
import { withDeploymentDefaults } from './deployment-defaults.js'
import { type backendGroup, deploymentShape } from './deployment-schema.js'
import { isTable } from './is-table.js'

type BackendGroup = z.output<typeof backendGroup>
type Values = Readonly<Record<string, unknown>>

/**
 * Fills in what follows from an engine and a model, for the cluster or for each group of its backends.
 * What a group does not say is as in `[cluster]`.
 */
export function withFleetDefaults(value: unknown, context: z.RefinementCtx): unknown {
  if (!isTable(value)) return value
  const caching = value['prefix_caching']
  if (!Array.isArray(value['backends'])) return withDeploymentDefaults(value, context, [], caching)
  const given: readonly unknown[] = value['backends']
  const backends = given.map((group, i) =>
    isTable(group)
      ? withDeploymentDefaults(
          { ...inherited(value, group), ...group },
          context,
          ['backends', i],
          caching,
        )
      : group,
  )
  const { disaggregated = {} } = value
  const isSplit = given.some((group) => isTable(group) && (group['role'] ?? 'both') !== 'both')
  return {
    num_backends: backends.reduce((sum: number, group) => sum + countOf(group), 0),
    ...value,
    backends,
    // Roles say it already.
    disaggregated: isTable(disaggregated) ? { enabled: isSplit, ...disaggregated } : disaggregated,
  }
}

/** Says where groups contradict each other or the rest of the cluster. */
export function checkGroups(
  cluster: {
    readonly num_backends: number
    readonly disaggregated: {
      readonly enabled: boolean
      readonly prefill_backends: number
      readonly decode_backends: number
    }
  },
  groups: readonly BackendGroup[],
  context: z.RefinementCtx,
): void {
  const refuse = (path: readonly (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message })
  if (groups.length === 0) {
    refuse(['backends'], 'expected at least one group, got none')
    return
  }
  const count = groups.reduce((sum, group) => sum + group.count, 0)
  if (count !== cluster.num_backends) {
    refuse(
      ['num_backends'],
      `expected ${count}, the backends of all groups, or nothing, got ${cluster.num_backends}`,
    )
  }
  const { enabled, prefill_backends, decode_backends } = cluster.disaggregated
  if (prefill_backends + decode_backends > 0) {
    refuse(
      ['disaggregated'],
      'expected roles in [[cluster.backends]] instead of prefill_backends and decode_backends',
    )
  }
  const roles = groups.map(({ role }) => role)
  if (!enabled && roles.some((role) => role !== 'both')) {
    refuse(['disaggregated', 'enabled'], 'expected true because groups have roles, got false')
  }
  if (enabled && (roles.every((r) => r === 'decode') || roles.every((r) => r === 'prefill'))) {
    refuse(
      ['backends'],
      `expected groups that prefill and groups that decode, got only role "${roles[0]}"`,
    )
  } else if (enabled) {
    checkPairs(groups, refuse)
  }
}

/** By which model requests name each of some groups: its own where they differ, unless another is given. */
export function servedNames(
  groups: readonly Pick<BackendGroup, 'model' | 'served_model_name'>[],
): (string | undefined)[] {
  const isMixed = new Set(groups.map(({ model }) => model)).size > 1
  return groups.map(
    ({ model, served_model_name }) => served_model_name ?? (isMixed ? model : undefined),
  )
}

/** Says which groups have nobody to hand their KV caches to, or take them from, who can make sense of them. */
function checkPairs(
  groups: readonly BackendGroup[],
  refuse: (path: readonly (string | number)[], message: string) => void,
): void {
  const names = servedNames(groups)
  for (const [i, group] of groups.entries()) {
    if (group.role === 'both') continue
    const [verb, partner] =
      group.role === 'prefill' ? ['decodes', 'decode'] : ['prefills', 'prefill']
    const name = names[i]
    const partners = groups.filter(
      ({ role }, k) => (role === partner || role === 'both') && areOfOneModel(name, names[k]),
    )
    if (partners.length === 0) {
      refuse(['backends', i, 'role'], `expected a group that ${verb} "${name}" too, got none`)
      continue
    }
    const { model } = group
    const unlike = partners.find((other) => other.model !== undefined && other.model !== model)
    if (model !== undefined && unlike !== undefined) {
      refuse(
        ['backends', i, 'model'],
        `expected "${unlike.model}", as on the group that ${verb} for this one, got "${model}"`,
      )
      continue
    }
    const precision = kvPrecisionOf(group)
    const narrower = partners.map(kvPrecisionOf).find((each) => each !== precision)
    if (model !== undefined && narrower !== undefined) {
      refuse(
        ['backends', i, 'kv_precision'],
        `expected "${narrower}", as on the group that ${verb} for this one, got "${precision}"`,
      )
    }
  }
}

/** What a group takes over; a GPU of its own goes before that of the cluster, whatever the key. */
function inherited(cluster: Values, group: Values): Values {
  const keys = Object.keys(deploymentShape).filter((key) => cluster[key] !== undefined)
  const has = (key: string): boolean => group[key] !== undefined
  return Object.fromEntries(
    keys
      .filter((key) => !(key === 'gpu' && has('gpu_type')))
      .map((key) => [key, cluster[key]] as const),
  )
}

function countOf(group: unknown): number {
  const count = isTable(group) ? (group['count'] ?? 1) : 1
  return typeof count === 'number' ? count : 1
}
