import type { RequestTable } from '@routesim/core'
import type { Config } from '../config/schema.js'
import { listed } from './listed.js'

type SloSection = Config['slo']
type Targets = Pick<SloSection, 'ttft_ms' | 'tpot_ms' | 'e2e_ms'>

/** A note on tenants and classes that have targets, and no request. */
export function idleTargets({ tenants, classes }: SloSection, requests: RequestTable): string[] {
  const hasTenant = (name: string): boolean => {
    const id = requests.strings.indexOf(name)
    return id >= 0 && requests.tenant.includes(id)
  }
  const asked = <Each extends Targets>(section: Record<string, Each>): [string, Each][] =>
    Object.entries(section).filter(([, targets]) => isAsked(targets))
  const idle = [
    ...asked(tenants)
      .filter(([name]) => !hasTenant(name))
      .map(([name]) => `tenant ${name}`),
    ...asked(classes)
      .filter(([, { priority }]) => !requests.priority.includes(priority))
      .map(([name, { priority }]) => `class ${name} (priority ${priority})`),
  ]
  if (idle.length === 0) return []
  return [`${listed(idle)} ${idle.length === 1 ? 'has' : 'have'} targets, but no requests`]
}

function isAsked({ ttft_ms, tpot_ms, e2e_ms }: Targets): boolean {
  return [ttft_ms, tpot_ms, e2e_ms].some((target) => target !== undefined)
}
