import { RandomStream, type RequestTable } from '@routesim/core'
import { lowerRecords } from '../columns/lower-records.js'
import type { TraceRecord } from '../columns/trace-record.js'
import { traceError } from '../errors/trace-error.js'
import { arrivalTimes } from './arrival-times.js'
import type { GeneratorOptions } from './generator-options.js'
import { lengthSampler } from './length-distribution.js'
import { PrefixChoice } from './prefix-choice.js'
import { MOST_REQUESTS, type ResolvedOptions, resolveOptions } from './resolve-options.js'

/**
 * Generates a trace: the same options and seed give the same table for ever. Arrivals, prompt
 * lengths, output lengths, prefixes and conversations draw from streams of their own.
 *
 * In a conversation a turn's prompt is the whole turn before it, prompt and answer, and new tokens;
 * conversations that start within `durationSec` are finished beyond it.
 * @throws RouteSimError `generator_invalid`
 *
 * @example
 * const table = generateTrace({ kind: 'bursty', rateRps: 5, durationSec: 120 })
 */
export function generateTrace(options: GeneratorOptions = {}): RequestTable {
  const resolved = resolveOptions(options)
  const records = resolved.hasSessions ? conversations(resolved) : singleRequests(resolved)
  if (records.length === 0) {
    throw traceError(
      'generator_invalid',
      `durationSec: expected time for at least one request, got none in ${resolved.durationSec} s`,
      { path: 'durationSec', hint: 'Raise the rate or the duration, or try another seed.' },
    )
  }
  return lowerRecords(records, 'extend').table
}

interface Draws {
  readonly prompt: () => number
  readonly output: () => number
  readonly newTokens: () => number
  readonly prefixes: PrefixChoice
}

function draws(options: ResolvedOptions): Draws {
  const { seed, lengthDistribution: kind } = options
  const stream = (name: string): RandomStream => new RandomStream(seed, name)
  const { promptTokensMean, promptTokensStd, genTokensMean, genTokensStd } = options
  const { newTokensMean, newTokensStd } = options
  return {
    prompt: lengthSampler(kind, promptTokensMean, promptTokensStd, stream('prompt-lengths')),
    output: lengthSampler(kind, genTokensMean, genTokensStd, stream('output-lengths')),
    newTokens: lengthSampler(kind, newTokensMean, newTokensStd, stream('new-token-lengths')),
    prefixes: new PrefixChoice(options),
  }
}

function singleRequests(options: ResolvedOptions): TraceRecord[] {
  const draw = draws(options)
  const records: TraceRecord[] = []
  for (const arrivalMs of arrivalTimes(options, 1, new RandomStream(options.seed, 'arrivals'))) {
    records.push(firstRequest(arrivalMs, draw))
  }
  return records
}

function firstRequest(arrivalMs: number, draw: Draws): TraceRecord {
  const record: TraceRecord = {
    arrivalMs,
    promptTokens: draw.prompt(),
    outputTokens: draw.output(),
  }
  const prefix = draw.prefixes.next()
  if (prefix !== undefined) {
    record.prefixHash = prefix.name
    // Capped here, as a conversation keeps for good the part that its first prompt had room for.
    record.prefixTokens = Math.min(prefix.tokens, record.promptTokens)
  }
  return record
}

function conversations(options: ResolvedOptions): TraceRecord[] {
  const { seed, turnsMean, numSessions, maxPromptTokens } = options
  const draw = draws(options)
  const arrivals = new RandomStream(seed, 'arrivals')
  const random = new RandomStream(seed, 'sessions')
  const thinkTimeMs = options.thinkTimeMeanSec * 1000
  const records: TraceRecord[] = []
  let session = 0
  for (const startMs of arrivalTimes(options, 1 / turnsMean, arrivals)) {
    if (session === numSessions) break
    const name = `s${session++}`
    let turn: TraceRecord = { ...firstRequest(startMs, draw), session: name }
    records.push(turn)
    for (let left = geometric(turnsMean, random) - 1; left > 0; left--) {
      const promptTokens = turn.promptTokens + turn.outputTokens + draw.newTokens()
      if (promptTokens > maxPromptTokens) break
      turn = {
        ...turn,
        arrivalMs: turn.arrivalMs + random.exponential(thinkTimeMs),
        promptTokens,
        outputTokens: draw.output(),
      }
      records.push(turn)
      if (records.length > MOST_REQUESTS) throw tooMany()
    }
  }
  return records
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
