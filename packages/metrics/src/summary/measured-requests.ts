import type { RunResult } from '@routesim/core'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { distributionOfColumn } from '../statistics/distribution.js'
import { CacheCounts } from './cache-statistics.js'
import type { MeasuredRequests } from './compose-summary.js'
import { RequestCounts } from './request-counts.js'
import { e2eMs, queueWaitMs, tpotMs, ttftMs } from './request-latencies.js'

/** Reads the measured requests of a run from its columns: percentiles are exact. */
export function measureRequests(result: RunResult, gaps: LogHistogram): MeasuredRequests {
  const { requests, outcomes, warmupRequests: first, backends } = result
  const counts = new RequestCounts(backends.length)
  const cache = new CacheCounts(backends.length)
  const total = requests.size - first
  const [ttft, tpot, e2e, queueWait] = Array.from({ length: 4 }, () => new Float64Array(total))
  for (let i = 0; i < total; i++) {
    const row = first + i
    counts.add(row, requests, outcomes)
    cache.add(row, requests, outcomes)
    ttft![i] = ttftMs(row, requests, outcomes)
    tpot![i] = tpotMs(row, requests, outcomes)
    e2e![i] = e2eMs(row, requests, outcomes)
    queueWait![i] = queueWaitMs(row, requests, outcomes)
  }
  return {
    counts,
    cache,
    gaps,
    ttft: distributionOfColumn(ttft!),
    tpot: distributionOfColumn(tpot!),
    e2e: distributionOfColumn(e2e!),
    queueWait: distributionOfColumn(queueWait!),
  }
}
