import { metric } from '../run/metric.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import { listed } from './listed.js'
import { shareText } from './share-text.js'
import { unservedNote } from './unserved-models.js'

/** Notes on runs whose figures tell of something else than of the router. */
export function loadNotes(results: readonly AlgorithmSummary[]): string[] {
  return [...oversized(results), ...overloaded(results)]
}

/** Requests that no rate and no router would have served. */
function oversized(results: readonly AlgorithmSummary[]): string[] {
  const shares = results.map(oversizedShare)
  const most = Math.max(...shares)
  if (!(most > 0)) return []
  const share = shareText(most)
  const atMost = shares.some((each) => each !== most) ? 'up to ' : ''
  return [
    `${atMost}${share} of the requests have more tokens than the KV cache of their backend holds: they are rejected at any load`,
  ]
}

/** Requests for models that nobody serves, of runs that kept no request to tell which. */
export function unservedCounted(results: readonly AlgorithmSummary[]): string[] {
  const most = Math.max(...results.map((result) => rejectedShare(result, 'model_not_served')))
  return most > 0 ? [unservedNote(most)] : []
}

/** Share of requests that their backend's KV cache can never hold. */
export function oversizedShare(result: AlgorithmSummary): number {
  return rejectedShare(result, 'exceeds_kv_cache')
}

function rejectedShare(result: AlgorithmSummary, reason: string): number {
  const rejected = metric(result, `rejected_by_reason.${reason}`).value ?? 0
  return rejected === 0 ? 0 : rejected / metric(result, 'total_requests').value!
}

/** Fleets that did not keep up: latencies grow with the length of the run. */
function overloaded(results: readonly AlgorithmSummary[]): string[] {
  const names = results
    .filter(({ saturation }) => saturation.verdict === 'overloaded')
    .map(({ algorithm }) => algorithm)
  if (names.length === 0) return []
  const who = names.length === results.length ? 'with every algorithm' : `with ${listed(names)}`
  return [
    `the fleet is overloaded ${results.length === 1 ? '' : `${who} `}on this traffic: waiting times tell more of the length of the run than of the router`,
  ]
}
