import {
  type BackendSpec,
  NO_NODE,
  OUTCOME,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { percentile } from '@routesim/metrics'

/** A benchmark that keeps so many requests in flight on one backend. */
export interface ClosedLoop {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly concurrency: number
  /** Lengths are drawn evenly from this part of the nominal ones to all of it. */
  readonly leastShare: number
  /** Requests per request in flight. */
  readonly rounds: number
}

/** Medians in ms. @returns undefined when the requests do not fit into the backend */
export function closedLoopMedians(
  backend: BackendSpec,
  frontEndMs: number,
  loop: ClosedLoop,
): { readonly ttftMs: number; readonly tpotMs: number } | undefined {
  const run = simulate({
    cluster: { backends: [backend], kvCache: radixKvCache({ prefixCaching: false }) },
    requests: requestsOf(loop),
    router: { name: 'one', route: (_, cluster) => cluster.backends[0]! },
    seed: 1,
    maxInFlight: loop.concurrency,
  })
  const { outcome, firstTokenMs, finishedMs } = run.outcomes
  if (outcome.some((each) => each !== OUTCOME.completed)) return undefined
  const { outputTokens } = run.requests
  const ttft = firstTokenMs.map((ms, i) => ms - run.sentMs[i]! + frontEndMs)
  const tpot = finishedMs.map(
    (ms, i) => (ms - firstTokenMs[i]!) / Math.max(1, outputTokens[i]! - 1),
  )
  return { ttftMs: percentile(ttft, 0.5), tpotMs: percentile(tpot, 0.5) }
}

function requestsOf({
  promptTokens,
  outputTokens,
  concurrency,
  leastShare,
  rounds,
}: ClosedLoop): RequestTable {
  const random = new RandomStream(1, 'lengths')
  const draw = (most: number): number =>
    Math.max(1, Math.round(most * (leastShare + (1 - leastShare) * random.float())))
  const builder = new RequestTableBuilder()
  for (let i = 0; i < rounds * concurrency; i++) {
    builder.add({
      arrivalMs: 0,
      promptTokens: draw(promptTokens),
      outputTokens: draw(outputTokens),
      promptNode: NO_NODE,
    })
  }
  return builder.build()
}
