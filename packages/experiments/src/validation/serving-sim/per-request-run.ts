import { NO_NODE, type RequestTable, RequestTableBuilder } from '@routesim/core'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import { mean } from '../mean.js'
import type { Metrics } from '../report/validation-row.js'

/** Lengths and times of arrival of a run; the last is what an earlier request may have left in the cache. */
const COLUMNS = ['arrival_s', 'input_tokens', 'output_tokens', 'max_cached_blocks16'] as const
const BLOCK_TOKENS = 16

/**
 * The requests of a run. Which request shares a prefix with which is not published, only how much of it
 * some earlier one had: all of them share one stream, which an empty request fills beforehand.
 */
export function requestsOf(rows: readonly CsvRow[]): RequestTable {
  const builder = new RequestTableBuilder()
  for (const row of rows) {
    const [arrivalSec, input, output, cachedBlocks] = COLUMNS.map(
      (name) => numberIn(row, name) ?? 0,
    )
    const shared = (cachedBlocks ?? 0) * BLOCK_TOKENS
    builder.add({
      arrivalMs: arrivalSec! * 1000,
      promptTokens: input!,
      outputTokens: output!,
      promptNode: shared > 0 ? builder.prompts.stream(NO_NODE, 'shared', shared) : NO_NODE,
      prefixTokens: shared,
    })
  }
  return builder.build()
}

/** Times of one request, in seconds from its arrival. */
export interface RequestTimes {
  readonly ttft: number
  readonly e2e: number
  readonly arrival: number
  readonly outputTokens: number
}

/** What serving benchmarks report of some requests. */
export function runMetrics(times: readonly RequestTimes[]): Metrics {
  const sorted = (of: (time: RequestTimes) => number): number[] =>
    times.map(of).sort((a, b) => a - b)
  const at = (values: readonly number[], q: number): number => {
    const position = q * (values.length - 1)
    const low = values[Math.floor(position)]!
    return low + (position % 1) * (values[Math.ceil(position)]! - low)
  }
  const ttft = sorted(({ ttft }) => ttft)
  const e2e = sorted(({ e2e }) => e2e)
  const tpot = sorted((time) => (time.e2e - time.ttft) / Math.max(1, time.outputTokens - 1))
  const gaps = times.reduce((sum, { outputTokens }) => sum + Math.max(0, outputTokens - 1), 0)
  const decoding = times.reduce((sum, time) => sum + time.e2e - time.ttft, 0)
  const first = Math.min(...times.map(({ arrival }) => arrival))
  const last = Math.max(...times.map(({ arrival, e2e }) => arrival + e2e))
  const tokens = times.reduce((sum, { outputTokens }) => sum + outputTokens, 0)
  return {
    ttft_mean_s: mean(ttft),
    ttft_p50_s: at(ttft, 0.5),
    ttft_p99_s: at(ttft, 0.99),
    tpot_mean_s: mean(tpot),
    itl_mean_s: decoding / gaps,
    e2e_mean_s: mean(e2e),
    e2e_p50_s: at(e2e, 0.5),
    e2e_p99_s: at(e2e, 0.99),
    output_tok_s: tokens / (last - first),
  }
}
