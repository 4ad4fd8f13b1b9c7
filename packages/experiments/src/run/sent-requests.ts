import { metric } from './metric.js'
import type { AlgorithmSummary } from './simulate-all.js'

/** Measured requests that came: all but those that their clients never sent. */
export function sentRequests(result: AlgorithmSummary): number {
  return metric(result, 'total_requests').value! - (metric(result, 'unsent_requests').value ?? 0)
}

/** From the first of them to the last, in s; null where all came at once. */
export function sendingSec(result: AlgorithmSummary): number | null {
  const { value: offered } = metric(result, 'saturation.offered_per_sec')
  return offered ? (sentRequests(result) - 1) / offered : null
}
