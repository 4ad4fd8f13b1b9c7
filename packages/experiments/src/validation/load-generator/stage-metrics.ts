import { OUTCOME, type RunResult } from '@routesim/core'
import { percentile } from '@routesim/metrics'
import type { Metrics } from '../report/validation-row.js'

/** How a load generator measures. */
export interface Measuring {
  /** Time between the client and the scheduler of the engine, in ms, that every request pays. */
  readonly frontEndMs: number
  /** Output tokens counted after tokenising the text again, per token generated. */
  readonly countedTokenShare: number
}

const QUANTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
] as const

/**
 * What a load generator reports of some rows of a run: latencies from the time of sending, tokens over
 * the time from the first request sent to the last answered.
 */
export function stageMetrics(
  run: RunResult,
  from: number,
  to: number,
  { frontEndMs, countedTokenShare }: Measuring,
): Metrics {
  const { outcomes, requests, sentMs } = run
  const ttft: number[] = []
  const e2e: number[] = []
  const tpot: number[] = []
  let tokens = 0
  let firstSentMs = Number.POSITIVE_INFINITY
  let lastSentMs = 0
  let lastMs = 0
  for (let i = from; i < to; i++) {
    firstSentMs = Math.min(firstSentMs, sentMs[i]!)
    lastSentMs = Math.max(lastSentMs, sentMs[i]!)
    if (outcomes.outcome[i] !== OUTCOME.completed) continue
    const output = requests.outputTokens[i]!
    const firstMs = outcomes.firstTokenMs[i]! - sentMs[i]! + frontEndMs
    const allMs = outcomes.finishedMs[i]! - sentMs[i]! + frontEndMs
    ttft.push(firstMs / 1000)
    e2e.push(allMs / 1000)
    if (output > 1) tpot.push((allMs - firstMs) / (output - 1) / 1000)
    tokens += output
    lastMs = Math.max(lastMs, outcomes.finishedMs[i]! + frontEndMs)
  }
  const seconds = (lastMs - firstSentMs) / 1000
  return {
    output_tok_s: (tokens * countedTokenShare) / seconds,
    rps: e2e.length / seconds,
    achieved_send_rps: (to - from) / ((lastSentMs - firstSentMs) / 1000),
    success_pct: (100 * e2e.length) / (to - from),
    ...spread('ttft', ttft),
    ...spread('itl', tpot),
    ...spread('e2e', e2e),
  }
}

function spread(name: string, values: readonly number[]): Record<string, number> {
  const column = Float64Array.from(values)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const metrics: Record<string, number> = { [`${name}_mean_s`]: mean }
  for (const [label, q] of QUANTILES) metrics[`${name}_${label}_s`] = percentile(column, q)
  return metrics
}

/** Metrics of several seeds, averaged one by one. */
export function meanOf(runs: readonly Metrics[]): Metrics {
  const sum: Record<string, number> = {}
  for (const run of runs) {
    for (const [name, value] of Object.entries(run)) sum[name] = (sum[name] ?? 0) + value
  }
  return Object.fromEntries(Object.entries(sum).map(([name, value]) => [name, value / runs.length]))
}
