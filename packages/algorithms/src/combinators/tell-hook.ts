import type { ClusterView, RoutingAlgorithm } from '@routesim/core'

/** What an algorithm may hear. */
export type Hook = Extract<keyof RoutingAlgorithm, `on${string}`>

/**
 * Tells one of several algorithms what was told to all of them; nothing if it does not want to hear of it.
 *
 * @param see - what it sees of a cluster that it is told with
 */
export function tellHook(
  algorithm: RoutingAlgorithm,
  hook: Hook,
  args: readonly unknown[],
  see: (cluster: ClusterView) => ClusterView,
): void {
  const own = args.map((arg) => (isCluster(arg) ? see(arg) : arg))
  ;(algorithm[hook] as ((...all: unknown[]) => void) | undefined)?.apply(algorithm, own)
}

function isCluster(value: unknown): value is ClusterView {
  return typeof value === 'object' && value !== null && 'pool' in value
}
