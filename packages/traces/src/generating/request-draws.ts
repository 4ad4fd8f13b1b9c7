import { RandomStream } from '@routesim/core'
import type { NamePool } from '../columns/name-pool.js'
import { arrivalTimes } from './arrival-times.js'
import { lengthSampler } from './length-distribution.js'
import { NO_PREFIX, PrefixChoice } from './prefix-choice.js'
import type { ResolvedOptions } from './resolve-options.js'

/**
 * Draws what a generator decides of a request, one after another: single requests and the first turns
 * of conversations. Each quantity has a random stream of its own.
 */
export class RequestDraws {
  arrivalMs = 0
  promptTokens = 0
  outputTokens = 0
  /** {@link NO_PREFIX} for none. */
  prefix: number = NO_PREFIX
  /** Number of its name in the pool. */
  prefixName = -1
  /** Tokens of the prefix that the prompt has room for. */
  prefixTokens = 0
  /** Output tokens of a later turn. */
  readonly output: () => number
  /** New tokens of a later turn. */
  readonly newTokens: () => number
  private readonly starts: Generator<number>
  private readonly prompt: () => number
  private readonly prefixes: PrefixChoice

  constructor(options: ResolvedOptions, names: NamePool) {
    const { seed, lengthDistribution: kind, hasSessions, turnsMean } = options
    const { promptTokensMean, promptTokensStd, genTokensMean, genTokensStd } = options
    const { newTokensMean, newTokensStd } = options
    const stream = (name: string): RandomStream => new RandomStream(seed, name)
    this.starts = arrivalTimes(options, hasSessions ? 1 / turnsMean : 1, stream('arrivals'))
    this.prompt = lengthSampler(kind, promptTokensMean, promptTokensStd, stream('prompt-lengths'))
    this.output = lengthSampler(kind, genTokensMean, genTokensStd, stream('output-lengths'))
    this.newTokens = lengthSampler(kind, newTokensMean, newTokensStd, stream('new-token-lengths'))
    this.prefixes = new PrefixChoice(options, names)
  }

  /** @returns false when no more requests arrive in the time there is */
  next(): boolean {
    const start = this.starts.next()
    if (start.done === true) return false
    const { prefixes } = this
    this.arrivalMs = start.value
    this.promptTokens = this.prompt()
    this.outputTokens = this.output()
    this.prefix = prefixes.next()
    if (this.prefix === NO_PREFIX) return true
    this.prefixName = prefixes.name(this.prefix)
    this.prefixTokens = Math.min(prefixes.tokens(this.prefix), this.promptTokens)
    return true
  }
}
