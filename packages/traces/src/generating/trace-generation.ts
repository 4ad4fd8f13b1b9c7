import { RandomStream, type RequestTable } from '@routesim/core'
import { lowerColumns } from '../columns/lower-columns.js'
import { TraceColumns } from '../columns/trace-columns.js'
import { traceError } from '../errors/trace-error.js'
import { noRequests } from './generated-source.js'
import type { GeneratorOptions } from './generator-options.js'
import { NO_PREFIX } from './prefix-choice.js'
import { RequestDraws } from './request-draws.js'
import { MOST_REQUESTS, type ResolvedOptions, resolveOptions } from './resolve-options.js'

/**
 * The making of a trace, as `generateTrace` does it, in slices: so that the caller can show progress
 * or stop. Requests are written straight into columns.
 *
 * @example
 * const generation = new TraceGeneration({ rateRps: 1000, durationSec: 10_000 })
 * while (!generation.run(100_000)) console.error(generation.size)
 * const table = generation.table()
 */
export class TraceGeneration {
  private readonly options: ResolvedOptions
  private readonly columns = new TraceColumns()
  private readonly draws: RequestDraws
  /** Lengths of conversations, and the gaps in them. */
  private readonly random: RandomStream
  private sessions = 0
  private isDone = false

  /** @throws RouteSimError `generator_invalid` */
  constructor(options: GeneratorOptions) {
    const resolved = resolveOptions(options)
    this.options = resolved
    this.draws = new RequestDraws(resolved, this.columns.names)
    this.random = new RandomStream(resolved.seed, 'sessions')
  }

  /** Requests made so far. */
  get size(): number {
    return this.columns.size
  }

  /**
   * Makes about `maxRequests` requests, a conversation whole; all that are left when it is not given.
   * @returns true when there are no more
   * @throws RouteSimError `generator_invalid`
   */
  run(maxRequests: number = Number.POSITIVE_INFINITY): boolean {
    const { columns, options } = this
    const until = columns.size + maxRequests
    while (!this.isDone && columns.size < until) {
      if (this.sessions === options.numSessions || !this.draws.next()) this.isDone = true
      else if (options.hasSessions) this.addConversation()
      else this.addDrawn()
    }
    return this.isDone
  }

  /**
   * The finished table. Nothing can be generated afterwards.
   * @throws RouteSimError `generator_invalid` when the time was too short for a request
   */
  table(): RequestTable {
    const { columns, options } = this
    if (columns.size === 0) throw noRequests(options)
    return lowerColumns(columns, 'extend').table
  }

  /** Adds the request that was drawn. @returns its row */
  private addDrawn(): number {
    const { columns, draws } = this
    const row = columns.requests.append(draws.arrivalMs, draws.promptTokens, draws.outputTokens)
    if (draws.prefix !== NO_PREFIX) {
      columns.prefixHash.set(row, draws.prefixName)
      // Capped, as a conversation keeps for good the part that its first prompt had room for.
      columns.prefixTokens.set(row, draws.prefixTokens)
    }
    return row
  }

  private addConversation(): void {
    const { columns, draws, options, random } = this
    const { requests, prefixHash, prefixTokens } = columns
    const { turnsMean, maxPromptTokens } = options
    const thinkTimeMs = options.thinkTimeMeanSec * 1000
    const session = columns.names.ofString(`s${this.sessions++}`)
    const first = this.addDrawn()
    requests.session.set(first, session)
    let before = first
    for (let left = geometric(turnsMean, random) - 1; left > 0; left--) {
      const promptTokens =
        requests.promptTokens.get(before) + requests.outputTokens.get(before) + draws.newTokens()
      if (promptTokens > maxPromptTokens) break
      const arrivalMs = requests.arrivalMs(before) + random.exponential(thinkTimeMs)
      before = requests.append(arrivalMs, promptTokens, draws.output())
      requests.session.set(before, session)
      prefixHash.set(before, prefixHash.get(first))
      prefixTokens.set(before, prefixTokens.get(first))
      if (requests.size > MOST_REQUESTS) throw tooMany()
    }
  }
}

/** Few conversations of very many turns can be more than the rate promises. */
function tooMany(): Error {
  return traceError(
    'generator_invalid',
    `turnsMean: expected conversations of at most ${MOST_REQUESTS} requests together, got more`,
    { path: 'turnsMean', hint: 'Lower turnsMean or maxPromptTokens.' },
  )
}

/** A draw from the geometric distribution on 1, 2, 3... with the given mean. */
function geometric(mean: number, random: RandomStream): number {
  const u = random.float()
  return mean === 1 ? 1 : 1 + Math.floor(Math.log1p(-u) / Math.log1p(-1 / mean))
}
