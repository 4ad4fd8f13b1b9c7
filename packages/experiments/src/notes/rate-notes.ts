import type { Config } from '../config/schema.js'
import { metric } from '../run/metric.js'
import { sentRequests } from '../run/sent-requests.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import { listed, listedSome } from './listed.js'

/** A rate that was asked for, and what came of it. */
export interface AskedRate {
  /** Requests per second that were asked for. */
  readonly rate: number
  /** Requests per second that came. */
  readonly offered: number | null
  /** Requests by which that is known. */
  readonly requests: number
}

/** Another rate by more than this share is worth a word, unless there are so few requests that chance does it. */
const CLEAR_SHARE = 0.1
/** Standard deviations of a count of requests. */
const CHANCE = 3
/** Rates that a note names at most. */
export const MOST_RATES = 3

/** The rate that was asked of a result. */
export function askedRate(rate: number, result: AlgorithmSummary): AskedRate {
  const offered = metric(result, 'saturation.offered_per_sec').value
  return { rate, offered, requests: sentRequests(result) }
}

/** Whether requests came at clearly another rate than the one that was asked for. */
export function isOtherRate({ rate, offered, requests }: AskedRate): boolean {
  const clear = Math.max(CLEAR_SHARE, CHANCE / Math.sqrt(requests))
  return offered !== null && Math.abs(offered / rate - 1) > clear
}

/** Says which rates came instead of those that were asked for, where something explains it. */
export function rateNotes(asked: readonly AskedRate[], why: readonly string[]): string[] {
  const others = why.length === 0 ? [] : asked.filter(isOtherRate)
  if (others.length === 0) return []
  const told = [
    ...new Set(
      others.map(({ rate, offered }) => `${rateText(offered!, 3)}/s for ${rateText(rate)}`),
    ),
  ]
  return [
    `requests came at other rates than asked for (${listedSome(told, MOST_RATES)}): ${listed(why)}`,
  ]
}

/** The same of results of traffic that is to come at a rate, whatever they are of. */
export async function rateNotesOf(
  results: readonly AlgorithmSummary[],
  workload: WorkloadSource,
  config: Config,
  seed: number,
): Promise<string[]> {
  const { rateRps } = workload
  if (rateRps === undefined) return []
  const asked = results.map((result) => askedRate(rateRps, result))
  // Why is not asked for nothing: it may take the requests.
  if (!asked.some(isOtherRate)) return []
  return rateNotes(asked, await whyOtherRate(workload, config, seed))
}

/** What keeps requests of some traffic from coming at the rate that is asked of it. */
export async function whyOtherRate(
  workload: WorkloadSource,
  config: Config,
  seed: number,
): Promise<string[]> {
  const { concurrency } = config.workload
  const limit = concurrency === undefined ? [] : [`at most ${concurrency} are in flight at once`]
  return [...limit, ...(await whyByItself(workload, seed))]
}

async function whyByItself(
  { generator, requests }: WorkloadSource,
  seed: number,
): Promise<string[]> {
  if (generator === undefined) {
    const { predecessor } = await requests(seed)
    return predecessor === undefined ? [] : ['turns wait for the answers before them']
  }
  if ('clients' in generator) {
    const { clients } = generator
    const isTalk = clients.some(({ sessions }) => sessions !== undefined)
    const isWaiting = clients.some(({ arrivals: { kind } }) => kind === 'users')
    return [...(isTalk ? [LONGER] : []), ...(isWaiting ? ['users wait for their answers'] : [])]
  }
  const { generator: kind, turns_mean: turns = 1, num_sessions: sessions } = generator
  return [
    ...(kind === 'bursty' ? ['trace.rate is that between bursts'] : []),
    ...(kind === 'diurnal' ? ['trace.rate is the highest of a day'] : []),
    ...(turns > 1 || sessions !== undefined ? [LONGER] : []),
  ]
}

const LONGER =
  'conversations go on after the last of them has begun, which counts for less in longer traffic'

/** A rate as sentences have it. */
export function rateText(rps: number, digits = 4): string {
  return String(Number(rps.toPrecision(digits)))
}
