import type { RequestTable } from '@routesim/core'
import type { Config } from '../config/schema.js'
import { listed } from './listed.js'

type SloSection = Config['slo']
type Targets = Pick<SloSection, 'ttft_ms' | 'tpot_ms' | 'e2e_ms'>

/** A note on tenants and classes that have targets, and no request. */
export function idleTargets({ tenants, classes }: SloSection, requests: RequestTable): string[] {
  const priorities = new Set(requests.priority)
  const names = new Set(Array.from(new Set(requests.tenant), (id) => requests.strings[id]))
  const idle = [
    ...Object.entries(tenants)
      .filter(([name, targets]) => isAsked(targets) && !names.has(name))
      .map(([name]) => `tenant ${name}`),
    ...Object.entries(classes)
      .filter(([, targets]) => isAsked(targets) && !priorities.has(targets.priority))
      .map(([name, { priority }]) => `class ${name} (priority ${priority})`),
  ]
  if (idle.length === 0) return []
  return [`${listed(idle)} ${idle.length === 1 ? 'has' : 'have'} targets, but no requests`]
}

function isAsked({ ttft_ms, tpot_ms, e2e_ms }: Targets): boolean {
  return [ttft_ms, tpot_ms, e2e_ms].some((target) => target !== undefined)
}
