import type { ClientSpec, WorkloadSpec } from '@routesim/traces'
import type { WorkloadSection } from './workload-schema.js'

const CLIENT_KEYS = [
  'arrivals',
  'prompt_tokens',
  'unique_tokens',
  'output_tokens',
  'prefixes',
  'sessions',
  'tenants',
  'users',
  'models',
  'adapters',
  'priorities',
  'classes',
] as const

/**
 * The traffic that a `[workload]` section describes; `undefined` when it describes none. Files of
 * numbers must have been read.
 */
export function toWorkload(section: WorkloadSection, seed: number): WorkloadSpec | undefined {
  const { clients = [{ name: undefined }], duration_sec, requests } = section
  if (section.clients === undefined && section.arrivals === undefined) return undefined
  const common = Object.fromEntries(CLIENT_KEYS.map((key) => [key, section[key]]))
  return {
    seed,
    durationSec: duration_sec,
    requests,
    clients: clients.map((client) => camelCase(withCommon(common, given(client))) as ClientSpec),
  }
}

/** A section whose distributions from files are others, for checks of all the rest. */
export function withoutFiles(section: WorkloadSection): WorkloadSection {
  return mapDistributions(section, ({ path: _, ...rest }) => ({ ...rest, values: [1] }))
}

/** Changes every distribution that names a file. */
export function mapDistributions<T>(
  value: T,
  change: (distribution: Readonly<Record<string, unknown>>) => unknown,
): T {
  if (Array.isArray(value)) return value.map((each) => mapDistributions(each, change)) as T
  if (typeof value !== 'object' || value === null) return value
  const record = value as Readonly<Record<string, unknown>>
  if (record['kind'] === 'empirical' && record['path'] !== undefined) return change(record) as T
  return Object.fromEntries(
    Object.entries(record).map(([key, each]) => [key, mapDistributions(each, change)]),
  ) as T
}

/** A client's own way of saying how long prompts are goes before the other. */
function withCommon(common: object, client: object): object {
  const isOwn = 'prompt_tokens' in client || 'unique_tokens' in client
  const others = isOwn ? { ...common, prompt_tokens: undefined, unique_tokens: undefined } : common
  return { ...others, ...client }
}

function given(client: object): object {
  return Object.fromEntries(Object.entries(client).filter(([, value]) => value !== undefined))
}

function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelCase(each),
    ]),
  )
}
