import type { RequestTable } from '@routesim/core'
import { blockTokensFor } from '../formats/block-tokens.js'
import { analyzeTrace } from '../stats/analyze-trace.js'
import { arrivalStatistics } from '../stats/arrival-statistics.js'
import { type Spread, spreadOf } from '../stats/spread.js'
import { findConversations } from './conversations.js'

/** A statistic of a trace and of another that should be like it. */
export interface FitError {
  readonly statistic: string
  readonly unit: 'requests' | 'req/s' | 'tokens' | 's' | 'turns' | 'share' | ''
  readonly trace: number
  readonly fit: number
  /** Difference over the trace's; of a share, the difference. */
  readonly error: number
}

/**
 * How far the statistics of one table are from those of another. Hit rates are those of one cache
 * without limit, answers left aside; the rate and the gaps are those of the time in which conversations
 * begin in both tables; conversations are found as `fitWorkload` finds them. Blocks are those of the first table
 * by default, as {@link analyzeTrace} takes them.
 * @throws RouteSimError `trace_option_invalid` when `blockTokens` is not a positive integer
 */
export function fitErrors(
  trace: RequestTable,
  fit: RequestTable,
  options: { readonly blockTokens?: number | undefined } = {},
): FitError[] {
  const blockTokens = blockTokensFor(trace, options.blockTokens)
  // What goes on when no more conversations begin is no rate: they come to their ends.
  const spanMs = Math.min(spanOf(trace), spanOf(fit))
  const [a, b] = [trace, fit].map((table) => statisticsOf(table, spanMs, blockTokens))
  return a!.map(({ statistic, unit, value }, i) => {
    const other = b![i]!.value
    const difference = other - value
    const error = unit === 'share' || value === 0 ? difference : difference / value
    return { statistic, unit, trace: value, fit: other, error }
  })
}

interface Statistic extends Pick<FitError, 'statistic' | 'unit'> {
  readonly value: number
}

function statisticsOf(table: RequestTable, spanMs: number, blockTokens: number): Statistic[] {
  const { requests, inputLength, outputLength, theoreticalHitRate, tokenHitRate } = analyzeTrace(
    table,
    { blockTokens },
  )
  const endMs = table.arrivalMs[0]! + spanMs
  const arrivals = arrivalStatistics(table.arrivalMs.filter((ms) => ms <= endMs))
  const { count, turns, newTokens, gapSec } = conversationSpreads(table)
  const of = (statistic: string, unit: FitError['unit'], value: number): Statistic => ({
    statistic,
    unit,
    value,
  })
  const lengths = (name: string, { mean, median, p99 }: Spread): Statistic[] => [
    of(`${name}, mean`, 'tokens', mean),
    of(`${name}, median`, 'tokens', median),
    of(`${name}, p99`, 'tokens', p99),
  ]
  return [
    of('requests', 'requests', requests),
    of('rate', 'req/s', arrivals.meanRateRps),
    of('CV of gaps', '', arrivals.gapCv),
    ...lengths('prompts', inputLength),
    ...lengths('outputs', outputLength),
    of('hit rate, mean of requests', 'share', theoreticalHitRate.mean),
    of('hit rate, of tokens', 'share', tokenHitRate),
    of('conversations', 'requests', count),
    of('turns, mean', 'turns', turns.mean),
    of('turns, p99', 'turns', turns.p99),
    of('new tokens of a turn, mean', 'tokens', newTokens.mean),
    of('time between turns, mean', 's', gapSec.mean),
    of('time between turns, median', 's', gapSec.median),
  ]
}

/** From the first conversation to the last, in ms; of a table with but one start, to the last request. */
function spanOf(table: RequestTable): number {
  const { arrivalMs, size } = table
  const starts = findConversations(table).map(([first]) => arrivalMs[first!]!)
  const last = starts.reduce((latest, ms) => Math.max(latest, ms), 0)
  return (last > starts[0]! ? last : arrivalMs[size - 1]!) - arrivalMs[0]!
}

/** `count`: those of more than one turn. */
function conversationSpreads(
  table: RequestTable,
): { count: number } & Record<'turns' | 'newTokens' | 'gapSec', Spread> {
  const { promptTokens, outputTokens, arrivalMs } = table
  const conversations = findConversations(table)
  const pairs = conversations.flatMap((rows) =>
    rows.slice(1).map((row, i) => [rows[i]!, row] as const),
  )
  const spread = (of: (before: number, row: number) => number): Spread =>
    spreadOf(Float64Array.from(pairs, ([before, row]) => of(before, row)))
  return {
    count: conversations.filter((rows) => rows.length > 1).length,
    turns: spreadOf(Float64Array.from(conversations, (rows) => rows.length)),
    newTokens: spread((before, row) =>
      Math.max(0, promptTokens[row]! - promptTokens[before]! - outputTokens[before]!),
    ),
    gapSec: spread((before, row) => (arrivalMs[row]! - arrivalMs[before]!) / 1000),
  }
}
