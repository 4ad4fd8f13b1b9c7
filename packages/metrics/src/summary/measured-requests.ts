import type { RunResult } from '@routesim/core'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { CacheCounts } from './cache-statistics.js'
import type { MeasuredRequests } from './compose-summary.js'
import { latencyDistributions } from './latency-distributions.js'
import { RequestCounts } from './request-counts.js'

/** Reads the measured requests of a run from its columns: percentiles are exact. */
export function measureRequests(result: RunResult, gaps: LogHistogram): MeasuredRequests {
  const { requests, outcomes, warmupRequests, backends } = result
  const counts = new RequestCounts(backends.length)
  const cache = new CacheCounts(backends.length)
  for (let row = warmupRequests; row < requests.size; row++) {
    counts.add(row, requests, outcomes)
    cache.add(row, requests, outcomes)
  }
  return { counts, cache, gaps, ...latencyDistributions(result) }
}
