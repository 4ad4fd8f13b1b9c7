import { metric } from '../run/metric.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import { listed } from './listed.js'

/**
 * Notes on algorithms whose results are alike in every number: they made the same decisions, most
 * often because the traffic lacks what would tell them apart (sessions, shared prefixes).
 */
export function sameDecisions(results: readonly AlgorithmSummary[]): string[] {
  const alike = new Map<string, string[]>()
  for (const result of results) {
    // Where all was rejected there is nothing to tell apart.
    if (metric(result, 'completed_requests').value === 0) continue
    const { algorithm, custom_metrics: _, ...numbers } = result
    const key = JSON.stringify(numbers)
    alike.set(key, [...(alike.get(key) ?? []), algorithm])
  }
  return [...alike.values()]
    .filter((names) => names.length > 1)
    .map((names) => `${listed(names)} made the same decisions on this traffic`)
}
