import type {
  BackendEvent,
  BackendRole,
  RequestOutcomes,
  RequestSource,
  RequestTable,
} from '@routesim/core'
import { LogHistogram } from '../histogram/log-histogram.js'
import { TokenGapRecorder } from '../histogram/token-gap-recorder.js'
import { FlowBins } from '../saturation/flow-bins.js'
import { SloCounter } from '../slo/slo-counter.js'
import type { SloOptions } from '../slo/slo-options.js'
import { distributionOfHistogram } from '../statistics/distribution.js'
import { CacheCounts } from './cache-statistics.js'
import type { MeasuredRequests } from './compose-summary.js'
import { RequestCounts } from './request-counts.js'
import { completedTtftMs, e2eMs, queueWaitMs, tpotMs, ttftMs } from './request-latencies.js'

/**
 * Collects what a summary needs of the measured requests of a run as they end, in memory that does not
 * grow with their number: counts, and histograms of latencies. Give it to a simulation as its recorder, with
 * `hearing(source)` as its requests, and then to `summarizeTotals`.
 */
export class RequestStatistics extends TokenGapRecorder {
  private readonly counts: RequestCounts
  private readonly cache: CacheCounts
  private readonly flow = new FlowBins()
  private readonly slo: SloCounter
  private readonly ttft = new LogHistogram()
  private readonly completedTtft = new LogHistogram()
  private readonly tpot = new LogHistogram()
  private readonly e2e = new LogHistogram()
  private readonly queueWait = new LogHistogram()
  private warmupRequests = 0
  private outcomes: RequestOutcomes | undefined

  /**
   * @param roles - of the backends of the fleet, by id
   * @param slo - targets to count requests against
   * @param events - what happens to backends
   * @throws RouteSimError `slo_invalid`
   */
  constructor(
    roles: readonly BackendRole[],
    slo?: SloOptions,
    events: readonly BackendEvent[] = [],
  ) {
    super()
    this.slo = new SloCounter(slo)
    this.counts = new RequestCounts(roles, events)
    this.cache = new CacheCounts(roles.length)
  }

  /**
   * The same requests, of whose arrivals this hears.
   * @param warmupRequests - the first so many are not measured
   */
  hearing(source: RequestSource, warmupRequests = 0): RequestSource {
    const { size, prompts, strings, table } = source
    this.warmupRequests = warmupRequests
    let made = 0
    return {
      ...{ size, prompts, strings, ...(table && { table }) },
      next: (window, row) => {
        source.next(window, row)
        if (made++ >= warmupRequests) this.flow.arrives(window.arrivalMs[row]!)
      },
    }
  }

  requestEnded(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    this.outcomes = outcomes
    this.counts.add(row, requests, outcomes)
    this.cache.add(row, requests, outcomes)
    this.flow.add(row, requests, outcomes)
    this.slo.add(row, requests, outcomes)
    addPresent(this.ttft, ttftMs(row, requests, outcomes))
    addPresent(this.completedTtft, completedTtftMs(row, requests, outcomes))
    addPresent(this.tpot, tpotMs(row, requests, outcomes))
    addPresent(this.e2e, e2eMs(row, requests, outcomes))
    addPresent(this.queueWait, queueWaitMs(row, requests, outcomes))
  }

  /** What has been collected so far. */
  measured(): MeasuredRequests {
    // The rows of the warm-up are given to no other requests, so they are still there.
    const { outcomes } = this
    for (let row = 0; outcomes !== undefined && row < this.warmupRequests; row++) {
      this.counts.keep(row, outcomes)
    }
    return {
      counts: this.counts,
      cache: this.cache,
      flow: this.flow,
      slo: this.slo,
      gaps: this.gaps,
      ttft: distributionOfHistogram(this.ttft),
      completedTtft: distributionOfHistogram(this.completedTtft),
      tpot: distributionOfHistogram(this.tpot),
      e2e: distributionOfHistogram(this.e2e),
      queueWait: distributionOfHistogram(this.queueWait),
    }
  }
}

function addPresent(histogram: LogHistogram, value: number): void {
  if (!Number.isNaN(value)) histogram.add(value)
}
