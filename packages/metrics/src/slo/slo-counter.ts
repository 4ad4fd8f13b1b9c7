import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'
import { GroupTally } from './group-tally.js'
import {
  checkSlo,
  hasTargets,
  type ResolvedTargets,
  resolveTargets,
  type SloOptions,
} from './slo-options.js'
import { type SloReport, sloReport, type TenantReport, tenantReport } from './slo-report.js'

/** What an {@link SloCounter} found. */
export interface SloFindings {
  /** Absent when no target is asked for. */
  readonly slo?: SloReport
  /** Absent when no request names a tenant. */
  readonly tenants?: TenantReport
}

const NO_TENANT = -1

/**
 * Counts measured requests against their targets, in all, per tenant and per class. Memory grows with
 * the number of tenants, not of requests.
 */
export class SloCounter {
  private readonly options: SloOptions
  private readonly isAsked: boolean
  private readonly all = new GroupTally()
  /** Class of a priority; requests of other priorities have none. */
  private readonly classOf = new Map<number, string>()
  private readonly classes = new Map<string | undefined, GroupTally>()
  private readonly tenants = new Map<number, GroupTally>()
  /** By tenant, then by priority. */
  private readonly targets = new Map<number, Map<number, ResolvedTargets>>()
  private strings: readonly string[] = []

  /** @throws RouteSimError `slo_invalid` */
  constructor(options: SloOptions = {}) {
    checkSlo(options)
    this.options = options
    this.isAsked = hasTargets(options)
    for (const [name, { priority }] of Object.entries(options.classes ?? {})) {
      this.classOf.set(priority, name)
    }
  }

  /** Whether the requests of a table have to be counted: there are targets, or tenants. */
  isNeeded({ tenant, strings }: RequestTable): boolean {
    return this.isAsked || (strings.length > 0 && tenant.some((id) => id !== NO_TENANT))
  }

  /** Counts the request of a row, unless it was never sent. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    if (outcomes.outcome[row] === OUTCOME.unsent) return
    this.strings = requests.strings
    const tenant = requests.tenant[row]!
    const priority = requests.priority[row]!
    const given = this.targetsOf(tenant, priority)
    const targets = this.options.ofRequests === true ? withOwn(row, requests, given) : given
    this.all.add(row, targets, requests, outcomes)
    if (tenant !== NO_TENANT) {
      tallyOf(this.tenants, tenant).add(row, targets, requests, outcomes)
    }
    if (this.classOf.size === 0) return
    tallyOf(this.classes, this.classOf.get(priority)).add(row, targets, requests, outcomes)
  }

  /** @param durationMs - of the measured part of the run, for rates */
  findings(durationMs: number): SloFindings {
    const { options, all, classes, strings } = this
    const tenants = [...this.tenants].map(([id, tally]) => [strings[id]!, tally] as const)
    return {
      ...(this.isAsked && { slo: sloReport(options, all, classes, durationMs) }),
      ...(tenants.length > 0 && { tenants: tenantReport(options, tenants, durationMs) }),
    }
  }

  private targetsOf(tenant: number, priority: number): ResolvedTargets {
    let own = this.targets.get(tenant)
    if (own === undefined) {
      own = new Map()
      this.targets.set(tenant, own)
    }
    let targets = own.get(priority)
    if (targets === undefined) {
      const { tenants = {}, classes = {} } = this.options
      const name = this.classOf.get(priority)
      targets = resolveTargets(
        tenant === NO_TENANT ? undefined : tenants[this.strings[tenant]!],
        name === undefined ? undefined : classes[name],
        this.options,
      )
      own.set(priority, targets)
    }
    return targets
  }
}

/** The targets of a row, of which its own go before those of others. */
function withOwn(
  row: number,
  { ttftSloMs, deadlineMs }: RequestTable,
  given: ResolvedTargets,
): ResolvedTargets {
  const ttftMs = ttftSloMs[row]! > 0 ? ttftSloMs[row]! : given.ttftMs
  const deadline = deadlineMs?.[row] ?? Number.NaN
  const e2eMs = Number.isNaN(deadline) ? given.e2eMs : deadline
  return ttftMs === given.ttftMs && e2eMs === given.e2eMs ? given : { ...given, ttftMs, e2eMs }
}

function tallyOf<Key>(tallies: Map<Key, GroupTally>, key: Key): GroupTally {
  let tally = tallies.get(key)
  if (tally === undefined) {
    tally = new GroupTally()
    tallies.set(key, tally)
  }
  return tally
}
