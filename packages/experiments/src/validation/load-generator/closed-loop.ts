import { pdPair, roundRobin } from '@routesim/algorithms'
import {
  type BackendSpec,
  type KvTransfer,
  NO_NODE,
  OUTCOME,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  simulate,
} from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { mean } from '../mean.js'

/** A benchmark that keeps so many requests in flight. */
export interface ClosedLoop {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly concurrency: number
  /** Lengths are drawn evenly from this part of the nominal ones to all of it. */
  readonly leastShare: number
  /** Requests per request in flight. */
  readonly rounds: number
}

/**
 * Means in ms over all requests, those that start together included.
 *
 * @param backends - those that do `both`, or else those for `prefill` and for `decode`: requests go to each in its turn
 * @returns undefined when a request does not complete, as it does not fit
 */
export function closedLoopMeans(
  backends: readonly BackendSpec[],
  frontEndMs: number,
  loop: ClosedLoop,
  kvTransfer?: KvTransfer,
): { readonly ttftMs: number; readonly tpotMs: number } | undefined {
  const run = simulate({
    cluster: {
      backends,
      kvCache: radixKvCache({ prefixCaching: false }),
      ...(kvTransfer !== undefined && { kvTransfer }),
    },
    requests: requestsOf(loop),
    // As the front end of Dynamo goes round its workers, `--router-mode round-robin`.
    router: pdPair(roundRobin.create(), roundRobin.create()),
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
  return { ttftMs: mean(ttft), tpotMs: mean(tpot) }
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
