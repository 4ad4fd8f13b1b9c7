import { parseRouterSpec } from '@routesim/algorithms'
import { localPolicyOf } from '../cluster/resolve-scheduling.js'
import { loadAlgorithm } from '../routers/load-algorithm.js'
import type { RouterPair, SingleChoice } from '../run/resolve-algorithms.js'
import { policyIn } from './extensions.js'

/** What the serving simulator calls its policies, and what they are here. */
const ROUTERS = {
  prefill: { lowest_load: 'ttft_min' },
  decode: { lowest_load: 'least_outstanding' },
} as const satisfies Record<string, Readonly<Record<string, string>>>

const LOCAL_POLICIES: Readonly<Record<string, string>> = {
  random: 'lottery:tickets=equal',
  milp: 'max_on_time',
  highest_priority: 'laxity',
}

/**
 * The routers that `prefill_global` and `decode_global` name: `lowest_load`, any algorithm with parameters,
 * or a file.
 *
 * @param extensions - folder in which files of these names are looked for first
 * @throws RouteSimError `router_file`
 */
export async function routerPair(
  prefill: string,
  decode: string,
  extensions?: string,
): Promise<RouterPair> {
  return {
    prefill: await routerOf(policyIn(extensions, prefill), 'prefill'),
    decode: await routerOf(policyIn(extensions, decode), 'decode'),
    label: `${prefill}+${decode}`,
  }
}

async function routerOf(spec: string, phase: keyof typeof ROUTERS): Promise<SingleChoice> {
  return loadAlgorithm(named(spec, ROUTERS[phase]))
}

/**
 * The local policy that `prefill_local` or `decode_local` names, as a backend's `scheduling`. Policies with
 * deadlines take that of the time to first token, unless they are given their own.
 *
 * @param ttftSloSec - time to first token that is promised, in seconds
 * @throws RouteSimError when the policy is unknown
 * `milp` and 10 s are `max_on_time:slo_ms=10000`.
 */
export function scheduling(spec: string, ttftSloSec: number, extensions?: string): string {
  const translated = named(policyIn(extensions, spec), LOCAL_POLICIES)
  const { name, parameters } = parseRouterSpec(translated)
  const hasDeadlines = 'slo_ms' in localPolicyOf(name).parameters
  if (!hasDeadlines || 'slo_ms' in parameters) return translated
  const separator = translated.includes(':') ? ',' : ':'
  return `${translated}${separator}slo_ms=${ttftSloSec * 1000}`
}

/** A name with its parameters, as we call it. */
function named(spec: string, names: Readonly<Record<string, string>>): string {
  const [name = '', ...rest] = spec.split(':')
  const canonical = name.replaceAll('-', '_')
  if (!Object.hasOwn(names, canonical)) return spec
  const ours = names[canonical]!
  const given = rest.join(':')
  return given === '' ? ours : `${ours}${ours.includes(':') ? ',' : ':'}${given}`
}
