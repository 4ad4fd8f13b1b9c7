import type { ClusterView, RoutingAlgorithm } from '@routesim/core'

/** What an algorithm may hear. */
export type Hook = Extract<keyof RoutingAlgorithm, `on${string}`>

/**
 * Tells one of several algorithms what was told to all of them; nothing if it does not want to hear of it.
 *
 * @param see - what it sees of a cluster that it is told with
 * @returns what it gives back: a promise where its hooks are async
 */
export function tellHook(
  algorithm: RoutingAlgorithm,
  hook: Hook,
  args: readonly unknown[],
  see: (cluster: ClusterView) => ClusterView,
): unknown {
  const own = args.map((arg) => (isCluster(arg) ? see(arg) : arg))
  return (algorithm[hook] as ((...all: unknown[]) => unknown) | undefined)?.apply(algorithm, own)
}

/** What two hooks gave back, as one gives it: the promises of those that are async. */
export function bothHeard(one: unknown, other: unknown): unknown {
  if (!(one instanceof Promise)) return other
  return other instanceof Promise ? Promise.all([one, other]) : one
}

function isCluster(value: unknown): value is ClusterView {
  return typeof value === 'object' && value !== null && 'pool' in value
}
