import { metric } from './metric.js'
import type { AlgorithmSummary } from './simulate-all.js'

/** Measured requests that came: all but those that their clients never sent. */
export function sentRequests(result: AlgorithmSummary): number {
  return metric(result, 'total_requests').value! - (metric(result, 'unsent_requests').value ?? 0)
}

/** From the first of them to the last, in ms; 0 where all came at once. */
export function sendingMs(result: AlgorithmSummary): number {
  const offered = metric(result, 'saturation.offered_per_sec').value ?? 0
  return offered > 0 ? ((sentRequests(result) - 1) / offered) * 1000 : 0
}
