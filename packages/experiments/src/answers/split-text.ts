import type { FleetGroup } from '../cluster/build-cluster.js'

/** How a fleet is dealt out, by what tells its backends apart: `4 prefill + 2 decode`; null where nothing does. */
export function splitText(groups: readonly FleetGroup[]): string | null {
  if (groups.length < 2) return null
  const differ = (of: (group: FleetGroup) => string): boolean => new Set(groups.map(of)).size > 1
  const hasGpus = differ(({ gpu }) => gpu)
  const hasRoles = differ(({ role }) => role)
  return groups
    .map(({ count, gpu, role }) =>
      [count, ...(hasGpus ? [`x ${gpu}`] : []), ...(hasRoles ? [role] : [])].join(' '),
    )
    .join(' + ')
}

/** Whether fleets that were tried differ in the backends of more than one group. */
export function isDealtOut(splits: readonly (readonly number[] | null)[]): boolean {
  const [first] = splits
  const growing = first?.filter((count, at) => splits.some((split) => split?.[at] !== count))
  return growing !== undefined && growing.length > 1
}
