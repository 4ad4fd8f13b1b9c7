import { NO_NODE, RandomStream, type RequestTable, RequestTableBuilder } from '@routesim/core'

/** Requests with prefixes out of a pool, as AIPerf makes them. */
export interface SyntheticWorkloadOptions {
  readonly requests: number
  /** Tokens of a prompt. */
  readonly isl: number
  /** Share of the prompt that is a prefix out of the pool, 0 to 1. */
  readonly prefixRatio: number
  readonly numPrefixPrompts: number
  readonly osl: number
  /** Standard deviation of lengths as a share of their means; 0 for lengths that are all alike. */
  readonly lengthSpread: number
  /** Requests per second and how they arrive; all at once when absent. */
  readonly arrivals?: { readonly rateRps: number; readonly pattern: ArrivalPattern } | undefined
  readonly seed: number
}

/** How requests arrive. */
export type ArrivalPattern = 'constant' | 'poisson'

/**
 * The workload of Dynamo's prefix_ratio_benchmark.py: each request draws one of the prefixes, of
 * floor(isl x ratio) tokens; its own part has a normal length of mean floor(isl x (1 - ratio)), its answer
 * one of mean osl. Source: ai-dynamo/dynamo, benchmarks/router/prefix_ratio_benchmark.py at ccfc4444.
 */
export function syntheticWorkload(options: SyntheticWorkloadOptions): RequestTable {
  const { requests, isl, prefixRatio, numPrefixPrompts, osl, lengthSpread, arrivals } = options
  const prefixes = new RandomStream(options.seed, 'prefixes')
  const lengths = new RandomStream(options.seed, 'lengths')
  const gaps = new RandomStream(options.seed, 'arrivals')
  const builder = new RequestTableBuilder()
  const prefixTokens = Math.floor(isl * prefixRatio)
  const ownMean = Math.floor(isl * (1 - prefixRatio))
  let arrivalMs = 0
  for (let i = 0; i < requests; i++) {
    const prefix = prefixes.integer(Math.max(1, numPrefixPrompts))
    const own = normalLength(lengths, ownMean, lengthSpread)
    const hasPrefix = prefixTokens > 0 && numPrefixPrompts > 0
    const promptTokens = Math.max(1, (hasPrefix ? prefixTokens : 0) + own)
    builder.add({
      arrivalMs,
      promptTokens,
      outputTokens: Math.max(1, normalLength(lengths, osl, lengthSpread)),
      ...(hasPrefix
        ? { promptNode: builder.prompts.block(NO_NODE, prefix, prefixTokens), prefixTokens }
        : {}),
    })
    if (arrivals === undefined) continue
    const meanMs = 1000 / arrivals.rateRps
    arrivalMs += arrivals.pattern === 'constant' ? meanMs : gaps.exponential(meanMs)
  }
  return builder.build()
}

/** A positive length; draws that are not are drawn again. */
function normalLength(random: RandomStream, mean: number, spread: number): number {
  if (mean <= 0) return 0
  const deviation = Math.round(mean * spread)
  for (;;) {
    const length = Math.round(mean + deviation * random.normal())
    if (length >= 1) return length
  }
}
