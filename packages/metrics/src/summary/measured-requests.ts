import { OUTCOME, type RunResult } from '@routesim/core'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { FlowBins } from '../saturation/flow-bins.js'
import { SloCounter } from '../slo/slo-counter.js'
import type { SloOptions } from '../slo/slo-options.js'
import { asSent } from './as-sent.js'
import { CacheCounts } from './cache-statistics.js'
import type { MeasuredRequests, SummaryOptions } from './compose-summary.js'
import { latencyDistributions } from './latency-distributions.js'
import { RequestCounts } from './request-counts.js'

/** Reads the measured requests of a run from its columns: percentiles are exact. */
export function measureRequests(
  result: RunResult,
  gaps: LogHistogram,
  { slo, events }: Pick<SummaryOptions, 'slo' | 'events'>,
): MeasuredRequests {
  const { outcomes, warmupRequests, backends } = result
  const requests = asSent(result)
  const counts = new RequestCounts(
    backends.map(({ role }) => role),
    events,
  )
  // Backends are paid for what they have of the warm-up, too.
  for (let row = 0; row < warmupRequests; row++) counts.keep(row, outcomes)
  const cache = new CacheCounts(backends.length)
  const flow = new FlowBins()
  for (let row = warmupRequests; row < requests.size; row++)
    if (outcomes.outcome[row] !== OUTCOME.unsent) flow.arrives(requests.arrivalMs[row]!)
  for (let row = warmupRequests; row < requests.size; row++) {
    counts.add(row, requests, outcomes)
    cache.add(row, requests, outcomes)
    flow.add(row, requests, outcomes)
  }
  const objectives = countObjectives(result, slo)
  return { counts, cache, flow, slo: objectives, gaps, ...latencyDistributions(result) }
}

function countObjectives(
  result: RunResult,
  options: SloOptions | undefined,
): SloCounter | undefined {
  const requests = asSent(result)
  const { outcomes, warmupRequests } = result
  const counter = new SloCounter(options)
  if (!counter.isNeeded(requests)) return undefined
  for (let row = warmupRequests; row < requests.size; row++) counter.add(row, requests, outcomes)
  return counter
}
