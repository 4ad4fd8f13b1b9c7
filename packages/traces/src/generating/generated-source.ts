import {
  NO_NODE,
  type PromptTree,
  PromptTreeBuilder,
  type RequestSource,
  type RequestTable,
} from '@routesim/core'
import { NamePool } from '../columns/name-pool.js'
import { SessionPrompts } from '../columns/session-prompts.js'
import { traceError } from '../errors/trace-error.js'
import type { GeneratorOptions } from './generator-options.js'
import { NO_PREFIX } from './prefix-choice.js'
import { RequestDraws } from './request-draws.js'
import { type ResolvedOptions, resolveOptions } from './resolve-options.js'

/**
 * The requests of `generateTrace`, made one by one as they arrive, in memory that does not grow with
 * their number. They are drawn twice: first to know how many there are and what their prompts share.
 * Conversations can not be made so, as each turn shares the one before.
 *
 * @example
 * const requests = new GeneratedSource({ rateRps: 500, durationSec: 20_000 })
 * while (!requests.prepare(100_000));
 * new Simulation({ ...options, requests })
 */
export class GeneratedSource implements RequestSource {
  private readonly options: ResolvedOptions
  private readonly builder = new PromptTreeBuilder()
  private readonly placing = new SessionPrompts(this.builder)
  private draws: RequestDraws
  private count = 0
  private firstMs = 0
  private lastMs = 0
  private tree: PromptTree | undefined
  private renumbered: Int32Array | undefined

  /** @throws RouteSimError `generator_invalid` */
  constructor(options: GeneratorOptions) {
    this.options = resolveOptions(options, Number.MAX_SAFE_INTEGER)
    if (this.options.hasSessions) {
      throw traceError(
        'generator_invalid',
        `turnsMean: expected no conversations in a run that keeps nothing per request, got ${this.options.turnsMean} turns`,
        { path: 'turnsMean', hint: 'Run it with per-request results.' },
      )
    }
    this.draws = new RequestDraws(this.options, new NamePool())
  }

  /** Requests in all, once prepared. */
  get size(): number {
    return this.count
  }

  /** From the first arrival to the last, in ms, once prepared. */
  get spanMs(): number {
    return this.lastMs - this.firstMs
  }

  readonly strings: readonly string[] = []

  get prompts(): PromptTree {
    if (this.tree === undefined) throw new TypeError('GeneratedSource: prepare() has not finished')
    return this.tree
  }

  /**
   * Draws about `maxRequests` requests ahead; all when it is not given.
   * @returns true when all are known: then the source is ready
   * @throws RouteSimError `generator_invalid` when the time is too short for a request
   */
  prepare(maxRequests: number = Number.POSITIVE_INFINITY): boolean {
    if (this.tree !== undefined) return true
    const { draws } = this
    for (let left = maxRequests; left > 0; left--) {
      if (!draws.next()) {
        this.finish()
        return true
      }
      if (this.count++ === 0) this.firstMs = draws.arrivalMs
      this.lastMs = draws.arrivalMs
      this.place()
    }
    return false
  }

  next(window: RequestTable, row: number): void {
    const { draws } = this
    draws.next()
    window.arrivalMs[row] = draws.arrivalMs
    window.promptTokens[row] = draws.promptTokens
    window.outputTokens[row] = draws.outputTokens
    window.maxTokens[row] = draws.outputTokens
    window.promptNode[row] = this.place()
    window.prefixTokens[row] = draws.prefix === NO_PREFIX ? 0 : draws.prefixTokens
  }

  private finish(): void {
    if (this.count === 0) throw noRequests(this.options)
    const { tree, renumbered } = this.builder.build()
    this.tree = tree
    this.renumbered = renumbered
    this.draws = new RequestDraws(this.options, new NamePool())
  }

  /** The node of the prompt that was drawn. */
  private place(): number {
    const { draws, renumbered } = this
    if (draws.prefix === NO_PREFIX) return NO_NODE
    const node = this.placing.placePrefix(draws.prefixName, draws.prefixTokens)
    return node === NO_NODE || renumbered === undefined ? node : renumbered[node]!
  }
}

/** Too little time for a request. */
export function noRequests({ durationSec }: ResolvedOptions): Error {
  return traceError(
    'generator_invalid',
    `durationSec: expected time for at least one request, got none in ${durationSec} s`,
    { path: 'durationSec', hint: 'Raise the rate or the duration, or try another seed.' },
  )
}
