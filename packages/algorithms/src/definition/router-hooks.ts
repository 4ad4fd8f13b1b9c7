import { closestName, RouteSimError, type RoutingAlgorithm } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

type Hook = Exclude<
  keyof RoutingAlgorithm,
  'name' | 'route' | 'migrates' | 'disaggregates' | 'progressIntervalMs'
>

/** Complete: a hook that is missing here does not compile. */
const HOOKS: Readonly<Record<Hook, true>> = {
  routeDecode: true,
  onDispatched: true,
  onHandedOver: true,
  onFirstToken: true,
  onProgress: true,
  onMigrated: true,
  onFinished: true,
  onAbandoned: true,
  onMetrics: true,
  onKvEvents: true,
  onBackendChange: true,
  onReply: true,
  onRunsForgotten: true,
  onTimer: true,
  customMetrics: true,
}

/** All that an algorithm may be told or asked, beside the one decision that it must take. */
export const ROUTER_HOOKS: readonly Hook[] = /* @__PURE__ */ Object.keys(HOOKS) as Hook[]

/**
 * Refuses a function whose name begins like that of a hook which is missing, and nearly is it: it would never be called.
 *
 * @throws RouteSimError `router_invalid`
 */
export function checkHooks(router: string, algorithm: Omit<RoutingAlgorithm, 'name'>): void {
  const missing = ROUTER_HOOKS.filter((hook) => algorithm[hook] === undefined)
  for (const name of functionsOf(algorithm)) {
    const start = name.slice(0, 2).toLowerCase()
    const near = closestName(
      name,
      missing.filter((hook) => hook.startsWith(start)),
    )
    if (near === undefined) continue
    const path = `algorithms.${router}.${name}`
    throw new RouteSimError<AlgorithmsErrorCode>(
      `${path}: expected the name of a hook, or one that is not so near to it`,
      { code: 'router_invalid', path, hint: `Did you mean "${near}"?` },
    )
  }
}

/** Names of an object's functions, those of its class among them. */
function functionsOf(object: object): string[] {
  const names: string[] = []
  for (let at = object; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function') names.push(name)
  }
  return names
}
