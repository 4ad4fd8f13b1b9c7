import type { RoutingAlgorithm } from '@routesim/core'

/** The custom metrics of one of several algorithms, under names that tell whose they are. */
export function prefixedMetrics(
  prefix: string,
  algorithm: RoutingAlgorithm,
): Record<string, number> {
  const metrics = Object.entries(algorithm.customMetrics?.() ?? {})
  return Object.fromEntries(metrics.map(([name, value]) => [prefix + name, value]))
}
