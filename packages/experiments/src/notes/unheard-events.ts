import { tellsKvEvents } from '@routesim/core'
import type { ResolvedAlgorithm } from '../run/resolve-algorithms.js'
import { listed } from './listed.js'

/** A note on routers that want to hear of KV events, in runs in which nobody tells them any. */
export function unheardEvents(algorithms: readonly ResolvedAlgorithm[]): string[] {
  const deaf = algorithms.filter(
    ({ visibility, hearsKvEvents }) => hearsKvEvents && !tellsKvEvents(visibility.prefixes),
  )
  if (deaf.length === 0) return []
  return [
    `${listed(deaf.map(({ label }) => label))} would hear of KV events (onKvEvents), but there are none: prefixes = "kv_events" of [visibility] makes them`,
  ]
}
