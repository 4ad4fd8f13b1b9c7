import type { RunResult } from '@routesim/core'
import type { LogHistogram } from '../histogram/log-histogram.js'
import { asSent } from '../summary/as-sent.js'
import { type LoadOverTime, loadOverTime } from './backend-load.js'
import { type LatencyByLength, latencyByLength } from './latency-by-length.js'
import { type LatencyCurves, latencyCurves } from './latency-curves.js'
import { type RequestSample, sampleRequests } from './request-sample.js'
import { type RequestTimeline, requestTimeline } from './request-timeline.js'

/**
 * What pictures of a run need beyond its summary, as a plain object for JSON of some
 * 100 KB, however long the run was. Numbers have five digits.
 */
export interface RunDetail {
  readonly curves: LatencyCurves
  readonly by_length: LatencyByLength
  readonly sample: RequestSample
  readonly load: LoadOverTime
  readonly timeline: RequestTimeline | null
}

const MOST_SAMPLED = 1000
const MOST_ON_TIMELINE = 40

/**
 * Distributions, samples, loads over time and a timeline of a run.
 * @param gaps - inter-token gaps of the measured requests, from a `TokenGapRecorder`
 */
export function detailRun(result: RunResult, gaps: LogHistogram): RunDetail {
  const sent = { ...result, requests: asSent(result) }
  return {
    curves: latencyCurves(sent, gaps),
    by_length: latencyByLength(sent),
    sample: sampleRequests(sent, MOST_SAMPLED),
    load: loadOverTime(sent),
    timeline: requestTimeline(sent, MOST_ON_TIMELINE),
  }
}
