import {
  closestName,
  type DeliveredKvEvents,
  type PolledMetrics,
  RouteSimError,
  type Visibility,
} from '@routesim/core'
import { parseSpec } from '../config/parse-spec.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { VISIBILITY_PROFILES, type VisibilityProfile } from './visibility-profiles.js'
import { type VisibilityConfig, visibilitySchema } from './visibility-schema.js'

/** As `serve` takes it, and Dynamo's router without KV events. */
const APPROXIMATE_TTL_SEC = 120

/** The settings as the engine takes them, under the name of the profile and what differs from it. */
export function toVisibility(config: VisibilityConfig): Visibility {
  const profile = VISIBILITY_PROFILES.find(({ name }) => name === config.profile)!
  return {
    name: nameOf(config),
    metrics: metricsOf(config, profile.metrics),
    prefixes: prefixesOf(config, profile.prefixes),
    routers: {
      replicas: config.routers,
      split: config.router_split,
      syncMs: config.router_sync_ms,
    },
    decision: { fixedMs: config.decision_ms, perTokenMs: config.decision_ms_per_token },
    tokenError: config.token_error,
    queryMs: config.query_ms,
    healthDelayMs: config.health_delay_ms,
  }
}

/**
 * Reads `profile` or `profile:key=value,...`, with the keys of `[visibility]`.
 *
 * @throws RouteSimError `visibility_invalid`
 */
export function parseVisibility(spec: string): Visibility {
  const kind = { path: 'visibility', named: 'profile', code: 'visibility_invalid' } as const
  const { name, parameters } = parseSpec(spec, kind)
  const profile = name.replaceAll('_', '-')
  const names = VISIBILITY_PROFILES.map((each) => each.name)
  if (!names.includes(profile)) throw invalid(spec, 'profile', profile, names)
  const checked = visibilitySchema.safeParse({ profile, ...parameters }, { jitless: true })
  if (checked.success) return toVisibility(checked.data)
  const [issue] = checked.error.issues
  if (issue?.code === 'unrecognized_keys')
    throw invalid(spec, 'key', issue.keys[0]!, Object.keys(visibilitySchema.shape))
  throw new RouteSimError<ExperimentsErrorCode>(
    `visibility ${JSON.stringify(spec)}: ${issue!.path.join('.')}: ${issue!.message}`,
    { code: 'visibility_invalid', path: 'visibility' },
  )
}

/** What differs from the defaults of a profile belongs to its name: results say what was simulated. */
function nameOf({ profile, ...settings }: VisibilityConfig): string {
  const defaults: Readonly<Record<string, unknown>> = visibilitySchema.parse(
    { profile },
    { jitless: true },
  )
  const own = Object.entries(settings).filter(
    ([key, value]) => value !== undefined && value !== defaults[key],
  )
  return own.length === 0 ? profile : `${profile}:${own.map((pair) => pair.join('=')).join()}`
}

function metricsOf(
  config: VisibilityConfig,
  profile: Visibility['metrics'],
): Visibility['metrics'] {
  const { metrics_interval_ms: intervalMs, metrics_delay_ms, metrics_drop } = config
  const kind = config.metrics ?? (intervalMs === undefined ? undefined : 'polled')
  if (kind === 'live' || kind === 'none') return kind
  if (kind === undefined && typeof profile === 'string') return profile
  const known: Partial<PolledMetrics> = typeof profile === 'string' ? {} : profile
  const interval = intervalMs ?? known.intervalMs
  if (interval === undefined) {
    throw new RouteSimError<ExperimentsErrorCode>(
      `visibility.metrics_interval_ms: expected a number > 0 with metrics = "polled" and the profile ${config.profile}, got nothing`,
      { code: 'visibility_invalid', path: 'visibility.metrics_interval_ms' },
    )
  }
  return {
    intervalMs: interval,
    delayMs: metrics_delay_ms ?? known.delayMs ?? 0,
    dropProbability: metrics_drop ?? known.dropProbability ?? 0,
  }
}

function prefixesOf(
  config: VisibilityConfig,
  profile: VisibilityProfile['prefixes'],
): Visibility['prefixes'] {
  const { prefixes: kind, approximate_ttl_sec, kv_event_delay_ms, kv_event_loss } = config
  if (kind === 'live' || kind === 'none') return kind
  if (kind === 'approximate') return { ttlMs: 1000 * (approximate_ttl_sec ?? APPROXIMATE_TTL_SEC) }
  if (kind === undefined && typeof profile === 'string') return profile
  const known: Partial<DeliveredKvEvents> = typeof profile === 'string' ? {} : profile
  return {
    delayMs: kv_event_delay_ms ?? known.delayMs ?? 0,
    lossProbability: kv_event_loss ?? known.lossProbability ?? 0,
    startsEmpty: config.kv_start_empty ?? known.startsEmpty ?? false,
    clearsOnRestart: config.kv_clear_on_restart ?? known.clearsOnRestart ?? true,
  }
}

function invalid(
  spec: string,
  what: string,
  found: string,
  known: readonly string[],
): RouteSimError<ExperimentsErrorCode> {
  const near = closestName(found, known)
  return new RouteSimError(
    `visibility ${JSON.stringify(spec)}: expected a ${what} of ${known.join(', ')}, got ${found}`,
    {
      code: 'visibility_invalid',
      path: 'visibility',
      ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
    },
  )
}
