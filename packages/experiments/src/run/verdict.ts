import { listed } from '../notes/listed.js'
import { lackingSeeds, lackingSeedsText } from './lacking-seeds.js'
import { metric } from './metric.js'
import type { ScenarioInfo } from './scenario.js'
import { sentRequests } from './sent-requests.js'
import type { AlgorithmSummary } from './simulate-all.js'

/** What decides between algorithms, with the words for it. */
const CRITERIA = [
  { path: 'rejected_requests', name: 'fewest rejections', better: 'low' },
  { path: 'failed_requests', name: 'fewest failures', better: 'low' },
  { path: 'timed_out_requests', name: 'fewest timeouts', better: 'low' },
  { path: 'ttft.p50', name: 'TTFT P50', better: 'low' },
  { path: 'ttft.p99', name: 'TTFT P99', better: 'low' },
  { path: 'end_to_end_latency.p50', name: 'E2E P50', better: 'low' },
  { path: 'end_to_end_latency.p99', name: 'E2E P99', better: 'low' },
  { path: 'requests_per_sec', name: 'throughput', better: 'high' },
  { path: 'token_hit_rate', name: 'cache hits', better: 'high' },
  { path: 'jains_fairness_index', name: 'balance', better: 'high' },
] as const

/** Differences below this share are not worth a word: a single run does not tell them from chance. */
const NEGLIGIBLE = 0.02

/** More winners than these are named only when there is nothing else to tell. */
const FEW_WINNERS = 2

/** More winners than these are counted, not named: the table has them. */
const MOST_NAMED = 5

/** A share of requests without an answer that has to be told. */
const MANY_UNSERVED = 0.01

/**
 * Two plain sentences: who wins on what, and what it costs. A lead that is negligible, or that lies
 * within the 95 % intervals when there are several seeds, counts as none: those who are that close
 * win together, ahead of the rest. Means over different seeds are not held against each other.
 */
export function verdict(scenario: ScenarioInfo, results: readonly AlgorithmSummary[]): string[] {
  if (results.length === 0) return []
  if (results.every((result) => metric(result, 'completed_requests').value === 0)) {
    return [nothingCompleted(scenario, results)]
  }
  if (results.length === 1) return [cost(scenario, results)]
  return [winners(results), cost(scenario, results)]
}

function nothingCompleted(scenario: ScenarioInfo, results: readonly AlgorithmSummary[]): string {
  const reasons = new Set(
    results.flatMap((result) => [
      ...Object.keys(result.rejected_by_reason),
      ...Object.keys(result.failed_by_reason),
      ...(metric(result, 'timed_out_requests').value === 0 ? [] : ['timeout']),
    ]),
  )
  const areRejected = results.every((result) => {
    const { value: rejected } = metric(result, 'rejected_requests')
    return rejected === sentRequests(result)
  })
  const what = areRejected ? 'rejected' : 'rejected, lost or called off'
  const why = reasons.size === 0 ? '' : ` (${listed([...reasons])})`
  const who = results.length === 1 ? results[0]!.algorithm : 'any algorithm'
  return `No request was completed on ${fleetOf(scenario)} with ${who}: all were ${what}${why}.`
}

function winners(results: readonly AlgorithmSummary[]): string {
  const lacking = lackingSeeds(results)
  if (lacking.length > 0) {
    return `Nobody wins, as not all ran under the same seeds: ${lackingSeedsText(lacking)}.`
  }
  const few = winsShared(results, FEW_WINNERS)
  const wins = few.size > 0 ? few : winsShared(results, results.length - 1)
  const ranked = [...wins.values()].sort((a, b) => b.on.length - a.on.length)
  const told = ranked.map(({ winners, on }) => {
    const verb = winners.length === 1 ? 'wins' : 'win'
    return `${named(winners, results)} ${verb} on ${listed(on)}`
  })
  const unserved = UNSERVED.flatMap(({ paths, verb }) => {
    const share = leastShare(results, paths)
    return share >= MANY_UNSERVED ? [`${verb} ${percent(share)} or more`] : []
  })
  const lost = unserved.length > 0 ? [`Every algorithm ${listed(unserved)}`] : []
  if (told.length === 0) {
    told.push(`${lost.length > 0 ? 'no' : 'No'} algorithm stands out on this traffic`)
  }
  return `${[...lost, ...told].join('; ')}.`
}

/** Algorithms by their names, or how many they are. */
function named(names: readonly string[], results: readonly AlgorithmSummary[]): string {
  return names.length > MOST_NAMED
    ? `${names.length} of ${results.length} algorithms`
    : listed(names)
}

/** Who wins on what, where at most `most` share the win; by the names of the winners. */
function winsShared(
  results: readonly AlgorithmSummary[],
  most: number,
): Map<string, { winners: string[]; on: string[] }> {
  const wins = new Map<string, { winners: string[]; on: string[] }>()
  for (const { path, name, better } of CRITERIA) {
    const ahead = leaders(results, path, better)
    if (ahead.length === 0 || ahead.length > most) continue
    const winners = ahead.map((result) => result.algorithm)
    const lead =
      path === 'ttft.p50' || path === 'ttft.p99' ? leadOver(results, ahead[0]!, path) : ''
    const key = [...winners].sort().join()
    const entry = wins.get(key) ?? { winners, on: [] }
    entry.on.push(name + lead)
    wins.set(key, entry)
  }
  return wins
}

/**
 * Those that are better than all others by more than chance and more than a trifle, and not so among
 * themselves; none when the best shade into the rest.
 */
function leaders(
  results: readonly AlgorithmSummary[],
  path: string,
  better: 'low' | 'high',
): AlgorithmSummary[] {
  const sign = better === 'low' ? 1 : -1
  const ranked = results
    .map((result) => ({ result, ...metric(result, path) }))
    .filter((entry): entry is Ranked => entry.value !== null)
    .sort((a, b) => sign * (a.value - b.value))
  const first = ranked[0]
  const count = ranked.findIndex((entry) => isApart(first!, entry))
  if (count < 1) return []
  const [ahead, rest] = [ranked.slice(0, count), ranked.slice(count)]
  // One far behind may have an interval so wide that it reaches the best.
  if (ahead.some((best) => rest.some((other) => !isApart(best, other)))) return []
  return ahead.map((entry) => entry.result)
}

interface Ranked {
  readonly result: AlgorithmSummary
  readonly value: number
  readonly ci95: number | null
}

function isApart(a: Ranked, b: Ranked): boolean {
  const margin = NEGLIGIBLE * Math.max(Math.abs(a.value), Math.abs(b.value))
  const noise = (a.ci95 ?? 0) + (b.ci95 ?? 0)
  return Math.abs(a.value - b.value) > Math.max(margin, noise)
}

/** What becomes of requests that get no answer, with the words for it. */
const UNSERVED = [
  { paths: ['rejected_requests'], verb: 'rejects' },
  { paths: ['failed_requests', 'timed_out_requests'], verb: 'loses or times out' },
] as const

/** The smallest share of the requests it was sent that any algorithm counts under some names. */
function leastShare(results: readonly AlgorithmSummary[], paths: readonly string[]): number {
  const shares = results.map((result) => {
    const unserved = paths.reduce((sum, path) => sum + (metric(result, path).value ?? 0), 0)
    return unserved / (sentRequests(result) || 1)
  })
  return Math.min(...shares)
}

/** How far a latency lies below that of the worst algorithm. */
function leadOver(
  results: readonly AlgorithmSummary[],
  winner: AlgorithmSummary,
  path: string,
): string {
  const own = metric(winner, path).value!
  const others = results.map((result) => ({
    name: result.algorithm,
    value: metric(result, path).value ?? own,
  }))
  const worst = others.reduce((a, b) => (b.value > a.value ? b : a))
  return ` (${milliseconds(own)}, ${percent(1 - own / worst.value)} below ${worst.name})`
}

function fleetOf({ fleet, fleetPricePerHour }: ScenarioInfo): string {
  return `${fleet} at ${perHour(fleetPricePerHour)}`
}

function perHour(usd: number): string {
  return `$${usd.toFixed(2)}/h`
}

/** What the tokens of a result cost an hour: less than the fleet does where backends were not there all the time. */
function paidPerHour(result: AlgorithmSummary): number {
  const usdPer1k = metric(result, 'estimated_cost_per_1k_tokens').value ?? 0
  const tokensPerSec = metric(result, 'total_tokens_per_sec').value ?? 0
  return (usdPer1k * tokensPerSec * 3600) / 1000
}

function cost(scenario: ScenarioInfo, results: readonly AlgorithmSummary[]): string {
  const idle = results.filter((result) => metric(result, 'completed_requests').value === 0)
  const names = idle.map(({ algorithm }) => algorithm)
  const place = `${idle.length === 0 ? 'On' : `${named(names, results)} completed no request; on`} ${fleetOf(scenario)}`
  const priced = results
    .map((result) => ({ result, usd: metric(result, 'estimated_cost_per_1k_tokens').value }))
    .filter((entry): entry is Priced => entry.usd !== null)
    .sort((a, b) => a.usd - b.usd)
  const cheapest = priced[0]
  const dearest = priced.at(-1)
  if (cheapest === undefined || dearest === undefined) return `${place}, no token was billed.`
  const paid = paidPerHour(cheapest.result)
  const isLess = paid > 0 && paid < (1 - NEGLIGIBLE) * scenario.fleetPricePerHour
  const fleet = isLess
    ? `${place}, of which ${perHour(paid)} were paid as backends came and went`
    : place
  if (dearest.usd === 0) return `${fleet}, tokens cost nothing.`
  if (dearest.usd - cheapest.usd <= NEGLIGIBLE * dearest.usd) {
    const others = priced.length === 1 ? cheapest.result.algorithm : 'any other'
    const all = results.length === 1 ? '' : 'whichever is chosen, '
    const whose = idle.length === 0 ? all : `with ${others}, `
    const [least, most] = [dollars(cheapest.usd), dollars(dearest.usd)]
    const range = least === most ? least : `${least} to ${most}`
    return `${fleet}, a million tokens cost ${range}, ${whose}${forBusy(priced)}.`
  }
  return `${fleet}, a million tokens cost ${dollars(cheapest.usd)} with ${cheapest.result.algorithm}, ${forBusy([cheapest])}, and up to ${dollars(dearest.usd)} with ${dearest.result.algorithm}.`
}

interface Priced {
  readonly result: AlgorithmSummary
  /** Per 1K tokens. */
  readonly usd: number
}

/** What of the price of tokens is for GPUs in steps, from the least of several algorithms to the most. */
function forBusy(priced: readonly Priced[]): string {
  const shares = priced.map(
    ({ result, usd }) => (metric(result, 'busy_cost_per_1k_tokens').value ?? 0) / usd,
  )
  const ends = [percent(Math.min(...shares)), percent(Math.max(...shares))]
  return `of which ${[...new Set(ends)].join(' to ')} is for busy GPUs and the rest for idle ones`
}

function milliseconds(value: number): string {
  return value >= 1000
    ? `${Number((value / 1000).toPrecision(3))} s`
    : `${Number(value.toPrecision(3))} ms`
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}

/** USD per 1K tokens, as USD per million: what price lists give. Cheap ones keep three digits. */
function dollars(usdPer1kTokens: number): string {
  const usd = usdPer1kTokens * 1000
  return `$${usd >= 0.1 ? usd.toFixed(3) : Number(usd.toPrecision(3))}`
}
