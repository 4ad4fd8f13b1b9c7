import type { BackendEvent } from '@routesim/core'
import { formatValue } from '../format/format-value.js'

/** What was simulated: what `run`, `compare` and `sweep` tell of it. */
export interface ReportedScenario {
  readonly name: string
  /** Where the requests come from. */
  readonly source: string
  readonly requests: number
  readonly spanMs: number
  /** Backends by their GPUs, such as `2 x (8 x H100 SXM)`. */
  readonly fleet: string
  /** What routers were allowed to see. */
  readonly visibility: string
  /** What happens to backends while the run goes on; nothing if absent. */
  readonly events?: readonly BackendEvent[]
  readonly seeds: readonly number[]
  readonly notes: readonly string[]
}

/** The sentence under the title of a report. */
export function subtitleOf(scenario: ReportedScenario): string {
  const { requests, spanMs, source } = scenario
  return `${counted(requests, 'request')} over ${formatValue(spanMs, 'ms')} (${source}) on ${fleetOf(scenario)}.`
}

/** The same for a sweep, whose points differ in their requests. */
export function sweepSubtitleOf(
  scenario: ReportedScenario,
  durationSec: number | undefined,
): string {
  const { source } = scenario
  const traffic =
    durationSec === undefined
      ? `Traffic: ${source}`
      : `${durationSec} s of traffic per rate (${source})`
  return `${traffic}; first point on ${fleetOf(scenario)}.`
}

/** The same where neither requests nor fleets are the same throughout. */
export function fleetSubtitleOf(scenario: ReportedScenario): string {
  return `Traffic: ${scenario.source}; the config has ${fleetOf(scenario)}.`
}

function fleetOf({ fleet, visibility, seeds, events = [] }: ReportedScenario): string {
  const trouble = events.length === 0 ? '' : `; ${counted(events.length, 'backend event')}`
  return `${fleet.replaceAll(' x ', ' × ')}; visibility ${visibility}; ${seedsText(seeds)}${trouble}`
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}

/** Of a command that was stopped, some between may be missing. */
function seedsText(seeds: readonly number[]): string {
  const [first, last] = [seeds[0]!, seeds.at(-1)!]
  if (first === last) return `seed ${first}`
  const isWhole = last - first === seeds.length - 1
  return `${isWhole ? 'seeds' : `${seeds.length} of the seeds`} ${first} to ${last}`
}
