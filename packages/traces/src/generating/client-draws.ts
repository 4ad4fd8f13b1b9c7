import type { NamePool } from '../columns/name-pool.js'
import type { PrefixChains } from '../columns/prefix-chains.js'
import { arrivalTimes } from './arrival-times.js'
import { type Distribution, tokenSampler } from './distribution.js'
import { Labels } from './labels.js'
import { PrefixChoice } from './prefix-choice.js'
import type { Streams } from './streams.js'
import { UserStarts } from './user-starts.js'
import type { ClientSpec } from './workload-spec.js'

/** Where the names that a client draws are kept. */
export interface Registers {
  readonly names: NamePool
  readonly chains: PrefixChains
}

/**
 * Draws what a client decides of a request, one after another: single requests and the first turns of
 * conversations. Each kind of decision has a random stream of its own.
 */
export class ClientDraws {
  readonly spec: ClientSpec
  readonly streams: Streams
  /** Put before the names of its conversations and prefixes. */
  readonly home: string
  readonly labels: Labels
  readonly prefix: PrefixChoice
  /** Who is to send next, where users send one request after another. */
  readonly users: UserStarts | undefined
  arrivalMs = 0
  promptTokens = 0
  outputTokens = 0
  /** Tokens of the prefix that the prompt has room for. */
  prefixTokens = 0
  /** Output tokens of a later turn. */
  readonly output: () => number
  private readonly starts: Iterator<number>
  private readonly prompt: () => number

  constructor(
    spec: ClientSpec,
    home: string,
    streams: Streams,
    endMs: number,
    { names, chains }: Registers,
  ) {
    this.spec = spec
    this.home = home
    this.streams = streams
    const { arrivals } = spec
    this.users = arrivals.kind === 'users' ? new UserStarts(arrivals, endMs) : undefined
    this.starts =
      this.users ??
      arrivalTimes(arrivals, endMs, streams.of('arrivals'), streams.of('arrival-states'))
    this.prompt = tokenSampler(
      (spec.promptTokens ?? spec.uniqueTokens)!,
      streams.of('prompt-lengths'),
    )
    this.output = outputSampler(spec.outputTokens, streams)
    this.labels = new Labels(spec, streams, names)
    const levels = spec.prefixes ?? []
    this.prefix = new PrefixChoice(levels, this.labels, streams, home, names, chains)
  }

  /** @returns false when no more requests arrive in the time there is */
  next(): boolean {
    const start = this.starts.next()
    if (start.done === true) return false
    const { labels, prefix, spec } = this
    this.arrivalMs = start.value
    this.promptTokens = this.prompt()
    this.outputTokens = this.output()
    labels.draw()
    prefix.draw(labels)
    if (spec.uniqueTokens !== undefined) this.promptTokens += prefix.tokens
    this.prefixTokens = Math.min(prefix.tokens, this.promptTokens)
    return true
  }
}

/** Answers of no tokens are drawn only where the distribution names them. */
export function outputSampler(
  tokens: Distribution,
  streams: Streams,
  decision = 'output-lengths',
): () => number {
  return tokenSampler(tokens, streams.of(decision), hasZero(tokens) ? 0 : 1)
}

function hasZero(tokens: Distribution): boolean {
  if (typeof tokens === 'number') return tokens === 0
  if (tokens.kind === 'fixed') return tokens.value === 0
  if (tokens.kind === 'uniform') return tokens.min === 0
  return tokens.kind === 'empirical' && tokens.values!.includes(0)
}
