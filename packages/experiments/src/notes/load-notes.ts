import type { BackendEvent } from '@routesim/core'
import { metric } from '../run/metric.js'
import { sentRequests } from '../run/sent-requests.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import { listed } from './listed.js'
import { type NobodyUp, nobodyUp } from './nobody-up.js'
import { shareText } from './share-text.js'
import { shortTraffic, shortTrafficNote } from './short-traffic.js'
import { unservedNote } from './unserved-models.js'

/** What happens to the fleet of the runs. */
export interface FleetStory {
  readonly backends: number
  readonly events: readonly BackendEvent[]
}

/** Notes on runs whose figures tell of something else than of the router, and on routers that let nothing go. */
export function loadNotes(results: readonly AlgorithmSummary[], story: FleetStory): string[] {
  const gone = nobodyUp(story.events, story.backends)
  return [
    ...LIMITS.flatMap((limit) => [...oversized(results, limit), ...misplaced(results, limit)]),
    ...held(results),
    ...(gone === undefined ? [] : unattended(results, gone)),
    ...impatient(results),
    ...overloaded(results, gone !== undefined),
    ...unsettled(results),
  ]
}

/** Reason of a request that its router kept until nothing was left to wait for. */
const HELD = 'held_forever'
/** What requests can be too long for: reasons of those too long for all, and for where they were sent. */
const LIMITS = [
  {
    ofAny: 'exceeds_kv_cache',
    ofChosen: 'exceeds_chosen_kv_cache',
    beyondAny: 'have more tokens than the KV cache of any backend holds',
    beyondChosen: 'whose KV cache holds fewer tokens than they have, though others hold them',
  },
  {
    ofAny: 'exceeds_max_model_len',
    ofChosen: 'exceeds_chosen_max_model_len',
    beyondAny: 'have more tokens than any backend takes (max_model_len)',
    beyondChosen: 'that take fewer tokens than they have (max_model_len), though others take them',
  },
] as const
type Limit = (typeof LIMITS)[number]
/** Reasons of requests that came, or were lost, when no backend took any. */
const GONE = ['no_available_backend', 'no_backend']

function held(results: readonly AlgorithmSummary[]): string[] {
  const by = results.filter((result) => rejectedShare(result, HELD) > 0)
  if (by.length === 0) return []
  const most = Math.max(...by.map((result) => rejectedShare(result, HELD)))
  const who = listed(by.map(({ algorithm }) => algorithm))
  return [
    `${who} held ${by.length > 1 ? 'up to ' : ''}${shareText(most)} of the requests until the end of the run: they are rejected on any fleet`,
  ]
}

function unattended(results: readonly AlgorithmSummary[], { fromMs, toMs }: NobodyUp): string[] {
  const most = Math.max(...results.map(goneShare))
  if (!(most > 0)) return []
  const until = Number.isFinite(toMs) ? ` to ${toMs / 1000} s` : ' on'
  const upTo = results.some((result) => goneShare(result) !== most) ? 'up to ' : ''
  return [
    `from ${fromMs / 1000} s${until} [[events]] leave no backend: ${upTo}${shareText(most)} of the requests are rejected because none is available`,
  ]
}

function goneShare(result: AlgorithmSummary): number {
  return GONE.reduce((sum, reason) => sum + rejectedShare(result, reason), 0)
}

/** Clients that do not wait for as long as a request takes that waits for nothing. */
function impatient(results: readonly AlgorithmSummary[]): string[] {
  const by = results.filter((result) => impatientShare(result) >= FEW_UNSERVED)
  if (by.length === 0) return []
  const most = Math.max(...by.map(impatientShare))
  const waiting = Math.max(...by.map(peakWaiting))
  return [
    `${by.length > 1 ? 'up to ' : ''}${shareText(most)} of the requests time out although at most ${waiting} waited at a time: their clients wait for less time than requests take (client.timeout_ms)`,
  ]
}

/** Share of requests that were not waited for where hardly any had to queue. */
function impatientShare(result: AlgorithmSummary): number {
  if (peakWaiting(result) >= FEW_WAITING) return 0
  return metric(result, 'saturation.timed_out_share').value ?? 0
}

function peakWaiting(result: AlgorithmSummary): number {
  return metric(result, 'saturation.peak_waiting').value ?? 0
}

/** Requests that no rate and no router would have served. */
function oversized(results: readonly AlgorithmSummary[], { ofAny, beyondAny }: Limit): string[] {
  const shares = results.map((result) => rejectedShare(result, ofAny))
  const most = Math.max(...shares)
  if (!(most > 0)) return []
  const share = shareText(most)
  const atMost = shares.some((each) => each !== most) ? 'up to ' : ''
  return [`${atMost}${share} of the requests ${beyondAny}: they are rejected at any load`]
}

/** Requests that another router would have served. */
function misplaced(
  results: readonly AlgorithmSummary[],
  { ofChosen, beyondChosen }: Limit,
): string[] {
  const by = results.filter((result) => rejectedShare(result, ofChosen) > 0)
  if (by.length === 0) return []
  const most = Math.max(...by.map((result) => rejectedShare(result, ofChosen)))
  const who = listed(by.map(({ algorithm }) => algorithm))
  return [
    `${who} sent ${by.length > 1 ? 'up to ' : ''}${shareText(most)} of the requests to backends ${beyondChosen}: they are rejected there at any load`,
  ]
}

/** Requests for models that nobody serves, of runs that kept no request to tell which. */
export function unservedCounted(results: readonly AlgorithmSummary[]): string[] {
  const most = Math.max(...results.map((result) => rejectedShare(result, 'model_not_served')))
  return most > 0 ? [unservedNote(most)] : []
}

/** Share of requests that are too long for every backend. */
export function oversizedShare(result: AlgorithmSummary): number {
  return LIMITS.reduce((sum, { ofAny }) => sum + rejectedShare(result, ofAny), 0)
}

function rejectedShare(result: AlgorithmSummary, reason: string): number {
  const rejected = metric(result, `rejected_by_reason.${reason}`).value ?? 0
  return rejected === 0 ? 0 : rejected / sentRequests(result)
}

/** Fleets that did not keep up: latencies grow with the length of the run. */
function overloaded(results: readonly AlgorithmSummary[], hasGone: boolean): string[] {
  const names = results
    .filter(({ saturation }) => saturation.verdict === 'overloaded')
    .filter((result) => !isExplained(result, hasGone))
    .map(({ algorithm }) => algorithm)
  if (names.length === 0) return []
  const who = names.length === results.length ? 'with every algorithm' : `with ${listed(names)}`
  return [
    `the fleet is overloaded ${results.length === 1 ? '' : `${who} `}on this traffic: waiting times tell more of the length of the run than of the router`,
  ]
}

/** Nobody asks of fewer requests than these whether a fleet keeps up. */
const FEW_REQUESTS = 20

/** Traffic that was over before half of its requests were: it says nothing of a fleet that is called stable. */
function unsettled(results: readonly AlgorithmSummary[]): string[] {
  const short = shortTraffic(
    results.filter((result) => {
      const offered = metric(result, 'saturation.offered_per_sec').value ?? 0
      const completed = metric(result, 'saturation.completed_per_sec').value ?? 0
      const isMany = metric(result, 'total_requests').value! >= FEW_REQUESTS
      return isMany && result.saturation.verdict !== 'overloaded' && completed < offered / 2
    }),
  )
  return short === undefined ? [] : [shortTrafficNote(short)]
}

/** Fewer waiting requests than this are no queue to speak of, and a smaller share of unserved ones no load. */
const FEW_WAITING = 10
const FEW_UNSERVED = 0.01

/** Whether requests of a run ended unserved for other reasons than load: what was served did not queue. */
function isExplained(result: AlgorithmSummary, hasGone: boolean): boolean {
  const count = (path: string): number => metric(result, path).value ?? 0
  const otherwise =
    rejectedShare(result, HELD) +
    LIMITS.reduce((sum, { ofChosen }) => sum + rejectedShare(result, ofChosen), 0) +
    impatientShare(result) +
    (hasGone ? goneShare(result) : 0)
  const unserved = count('saturation.rejected_share') + count('saturation.timed_out_share')
  const waiting = peakWaiting(result)
  return (
    otherwise > 0 &&
    unserved - otherwise < FEW_UNSERVED &&
    (waiting < FEW_WAITING || waiting <= count('saturation.running_at_peak'))
  )
}
