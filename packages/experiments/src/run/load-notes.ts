import { listed } from './listed.js'
import type { AlgorithmSummary } from './simulate-all.js'

/** Notes on runs in which the fleet did not keep up: their latencies grow with the length of the run. */
export function loadNotes(results: readonly AlgorithmSummary[]): string[] {
  const names = results
    .filter(({ saturation }) => saturation.verdict === 'overloaded')
    .map(({ algorithm }) => algorithm)
  if (names.length === 0) return []
  const who = names.length === results.length ? 'with every algorithm' : `with ${listed(names)}`
  return [
    `the fleet is overloaded ${results.length === 1 ? '' : `${who} `}on this traffic: waiting times tell more of the length of the run than of the router`,
  ]
}
