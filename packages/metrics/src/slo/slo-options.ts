import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'

/** Latencies that a request must not exceed, in ms; what is absent is not asked for. */
export interface SloTargets {
  /** Arrival to first token. */
  readonly ttftMs?: number | undefined
  /** Mean time per output token after the first, which AIPerf calls inter-token latency (ITL). */
  readonly tpotMs?: number | undefined
  /** Arrival to last token. */
  readonly e2eMs?: number | undefined
}

/** Targets of one tenant, and its share of the fleet. */
export interface TenantSlo extends SloTargets {
  /** What the tenant is entitled to, relative to others; 1 if absent. Greater than 0. */
  readonly weight?: number | undefined
}

/** Targets of the requests of one priority. */
export interface ClassSlo extends SloTargets {
  /** `RequestTable.priority` of its requests. */
  readonly priority: number
}

/**
 * Service level objectives of a run. A target of a tenant goes before that of a class, and that before
 * the one for all.
 */
export interface SloOptions extends SloTargets {
  /** By name of the tenant. */
  readonly tenants?: Readonly<Record<string, TenantSlo>> | undefined
  /** By name of the class. */
  readonly classes?: Readonly<Record<string, ClassSlo>> | undefined
  /** Whether what a request itself asks for (`ttftSloMs`, `deadlineMs`) goes before all of these. */
  readonly ofRequests?: boolean | undefined
}

/** The targets of a request as numbers: `Infinity` where there is none. */
export interface ResolvedTargets {
  readonly ttftMs: number
  readonly tpotMs: number
  readonly e2eMs: number
}

/** Puts targets over others, number by number. */
export function resolveTargets(
  ...firstGoesBefore: readonly (SloTargets | undefined)[]
): ResolvedTargets {
  const pick = (key: keyof SloTargets): number => {
    const found = firstGoesBefore.find((targets) => targets?.[key] !== undefined)
    return found?.[key] ?? Number.POSITIVE_INFINITY
  }
  return { ttftMs: pick('ttftMs'), tpotMs: pick('tpotMs'), e2eMs: pick('e2eMs') }
}

/** True when any target is asked for, of anybody. */
export function hasTargets({
  tenants = {},
  classes = {},
  ofRequests,
  ...all
}: SloOptions): boolean {
  if (ofRequests === true) return true
  const any = ({ ttftMs, tpotMs, e2eMs }: SloTargets): boolean =>
    ttftMs !== undefined || tpotMs !== undefined || e2eMs !== undefined
  return [all, ...Object.values(tenants), ...Object.values(classes)].some(any)
}

/** What reports call the requests of no class. */
export const NO_CLASS = 'other'

/**
 * @throws RouteSimError `slo_invalid` when a number is not greater than 0, two classes have one priority, or
 * one has the name of the requests of none
 */
export function checkSlo(options: SloOptions): void {
  const { tenants = {}, classes = {} } = options
  const owners: [string, SloTargets & { readonly weight?: number | undefined }][] = [
    ['slo', options],
    ...Object.entries(tenants).map(
      ([name, own]) => [`slo.tenants.${name}`, own] as [string, TenantSlo],
    ),
    ...Object.entries(classes).map(
      ([name, own]) => [`slo.classes.${name}`, own] as [string, ClassSlo],
    ),
  ]
  for (const [path, owner] of owners) {
    for (const key of ['ttftMs', 'tpotMs', 'e2eMs', 'weight'] as const) {
      const value = owner[key]
      if (value === undefined || (value > 0 && value < Number.POSITIVE_INFINITY)) continue
      throw invalid(`${path}.${key}`, `expected a finite number > 0, got ${value}`)
    }
  }
  if (Object.hasOwn(classes, NO_CLASS)) {
    throw invalid(
      `slo.classes.${NO_CLASS}`,
      'expected another name, since requests of no class are called so',
    )
  }
  const seen = new Map<number, string>()
  for (const [name, { priority }] of Object.entries(classes)) {
    const other = seen.get(priority)
    if (other !== undefined) {
      const problem = `expected a priority of its own, got ${priority}, which is that of ${other}`
      throw invalid(`slo.classes.${name}.priority`, problem)
    }
    seen.set(priority, name)
  }
}

function invalid(path: string, problem: string): RouteSimError<MetricsErrorCode> {
  return new RouteSimError(`${path}: ${problem}`, { code: 'slo_invalid', path })
}
