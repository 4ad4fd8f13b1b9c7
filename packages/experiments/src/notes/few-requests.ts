import { metric } from '../run/metric.js'
import { sentRequests } from '../run/sent-requests.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'

/** At a border so many requests miss their targets before their share is more than chance: it varies by a third. */
const MISSES_THAT_TELL = 10
/** Traffic that is made longer has so many times the requests that tell, as they may come at a lower rate then. */
const ROOM = 1.1

/** Runs of fewer requests than tell a share of them from one that is a little less. */
export interface FewRequests {
  /** In all runs. */
  readonly requests: number
  readonly enough: number
  /** Seconds in which enough come; 0 where so few came that their rate is not known. */
  readonly enoughSec: number
}

/** Whether all runs of one thing together have too few requests to tell a share of them from a little less. */
export function fewRequests(
  runs: readonly AlgorithmSummary[],
  share: number,
): FewRequests | undefined {
  const requests = runs.reduce((sum, run) => sum + sentRequests(run), 0)
  // Where none may miss, there is no share to tell.
  const enough = share === 1 ? 0 : Math.round(MISSES_THAT_TELL / (1 - share))
  if (requests >= enough) return undefined
  const offered = (run: AlgorithmSummary): number =>
    metric(run, 'saturation.offered_per_sec').value ?? 0
  const perSec = runs.reduce((sum, run) => sum + offered(run), 0)
  const enoughSec = perSec > 0 ? Math.ceil((ROOM * enough) / perSec / 10) * 10 : 0
  return { requests, enough, enoughSec }
}

/** Says that there are few. @param how - how there are more */
export function fewRequestsNote(
  { requests, enough }: FewRequests,
  share: number,
  how: string,
): string {
  const points = Number((100 / requests).toPrecision(2))
  return `whether ${goalText(share)} are within their targets is told by ${count(requests)} requests, all seeds together, each of which is ${points} points: chance decides much of it with fewer than ${count(enough)}${how}`
}

/** Says for how long requests came instead. */
export function moreRequestsNote(share: number, askedSec: number, durationSec: number): string {
  return `requests come so rarely that ${askedSec} s of them would not tell ${goalText(share)} within their targets from chance: ${durationSec} s are generated at each rate (--duration)`
}

function goalText(share: number): string {
  return `${Number((share * 100).toPrecision(4))}%`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
