/** Parts of the whole in which shares are counted, so that sums of them are exact. */
const PARTS = 2 ** 20

/** What a backend was measured to do. */
export interface WorkRates {
  readonly prefillTokensPerSec: number
  /** Time per output token of a request as it should be, in ms. */
  readonly tpotMs: number
  /** Output tokens of all requests together at most. */
  readonly decodeTokensPerSec: number
}

/** The length that stands for all of its class: classes are as wide as they are long, by the rounded logarithm. */
export function lengthClass(tokens: number): number {
  return 2 ** lengthExponent(tokens)
}

/** The binary logarithm of {@link lengthClass}, a whole number from 0 on. */
export function lengthExponent(tokens: number): number {
  return Math.round(Math.log2(Math.max(1, tokens)))
}

/**
 * What requests of one length take of a backend, as a profile that was measured before says: here from three rates,
 * there from a table by length. A request that takes L seconds, of which a backend completes r a second, takes 1 / (r L)
 * of it, as there are r L at a time by Little's law.
 *
 * Source: the load provider of vllm-project/aibrix, pkg/cache/load_provider.go at e3e10f9.
 */
export class WorkProfile {
  private readonly rates: WorkRates

  constructor(rates: WorkRates) {
    this.rates = rates
  }

  /** Time from the beginning to the last token, in ms. */
  latencyMs(promptTokens: number, outputTokens: number): number {
    const { prefillTokensPerSec, tpotMs } = this.rates
    return (promptTokens / prefillTokensPerSec) * 1000 + outputTokens * tpotMs
  }

  /** The part of a backend that it takes, above 0 and at most 1, a multiple of 2^-20. */
  share(promptTokens: number, outputTokens: number): number {
    const { prefillTokensPerSec, decodeTokensPerSec } = this.rates
    const eachMs =
      (promptTokens / prefillTokensPerSec) * 1000 + (outputTokens / decodeTokensPerSec) * 1000
    const share = eachMs / this.latencyMs(promptTokens, outputTokens)
    return Math.min(1, Math.max(1, Math.round(share * PARTS)) / PARTS)
  }
}
