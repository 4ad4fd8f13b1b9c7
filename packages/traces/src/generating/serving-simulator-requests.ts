import { RandomStream, RequestColumns, type RequestTable } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import { above, atLeast, whole } from './check-numbers.js'

/** Longest prompt of the Mooncake conversation trace, beyond which lengths are drawn no further. */
const MOONCAKE_LONGEST = 126_195

/** The seed that lengths of the lognormal source always have. */
const LOGNORMAL_SEED = 2025

/** Where the serving simulator takes requests from. */
export const SERVING_SIMULATOR_SOURCES = ['mooncake', 'zipfian', 'lognormal'] as const

/** Options of {@link servingSimulatorRequests}. */
export interface ServingSimulatorOptions {
  /**
   * `mooncake`: lengths of a trace, in its order. `zipfian`: Zipf prompts, answers of 1.1 times the
   * prompt. `lognormal`: lognormal prompts, always the same, and answers of one token.
   */
  readonly source: (typeof SERVING_SIMULATOR_SOURCES)[number]
  /** Its `--lambda_arrival`: rate of the Poisson process in which requests arrive, in 1/s. */
  readonly rateRps: number
  readonly seed: number
  /** `mooncake`: the trace, all of it; its times and its shared prompts are left out. */
  readonly trace?: RequestTable | undefined
  /** The other two: how many. */
  readonly requests?: number | undefined
  /** `zipfian`: exponent, above 1. */
  readonly zipfExponent?: number | undefined
  /** `lognormal`: mean and deviation of the logarithm. */
  readonly logMean?: number | undefined
  readonly logStd?: number | undefined
}

/**
 * The requests that the LLM serving simulator for Llama-3 fleets (`serving-sim`) would make, as far as
 * their distributions go; its own random numbers are others. Nothing is shared between prompts. Lengths
 * above 126,195 tokens are replaced by what lies on the line between their neighbours.
 * @throws RouteSimError `generator_invalid`
 */
export function servingSimulatorRequests(options: ServingSimulatorOptions): RequestTable {
  const { source, rateRps, seed } = options
  if (!SERVING_SIMULATOR_SOURCES.includes(source)) {
    throw traceError(
      'generator_invalid',
      `source: expected ${SERVING_SIMULATOR_SOURCES.join(', ')}, got "${source}"`,
      { path: 'source' },
    )
  }
  above('rateRps', rateRps, 0)
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  const { prompts, outputOf } = lengthsOf(options)
  const columns = new RequestColumns()
  const arrivals = new RandomStream(seed, 'arrivals')
  let ms = 0
  for (let i = 0; i < prompts.length; i++) {
    ms += arrivals.exponential(1000 / rateRps)
    columns.append(ms, prompts[i]!, outputOf(i))
  }
  const none = new Int32Array(0)
  const tree = { size: 0, parent: none, startTokens: none, endTokens: none }
  return { ...columns.finish(undefined), strings: [], prompts: tree }
}

interface Lengths {
  readonly prompts: ArrayLike<number>
  readonly outputOf: (i: number) => number
}

function lengthsOf(options: ServingSimulatorOptions): Lengths {
  const { source, trace, requests, seed, zipfExponent, logMean, logStd } = options
  if (source === 'mooncake') {
    if (trace === undefined) {
      throw traceError('generator_invalid', 'trace: expected a trace for mooncake, got none', {
        path: 'trace',
      })
    }
    return { prompts: trace.promptTokens, outputOf: (i) => trace.outputTokens[i]! }
  }
  whole('requests', requests, 1, 1e8)
  if (source === 'zipfian') {
    above('zipfExponent', zipfExponent, 1)
    const random = new RandomStream(seed, 'prompt-lengths')
    const prompts = withinLongest(requests!, () => zipf(zipfExponent!, random))
    return { prompts, outputOf: (i) => Math.floor(1.1 * prompts[i]!) }
  }
  atLeast('logMean', logMean, 0)
  atLeast('logStd', logStd, 0)
  const random = new RandomStream(LOGNORMAL_SEED, 'prompt-lengths')
  const prompts = withinLongest(requests!, () => Math.exp(logMean! + logStd! * random.normal()))
  return { prompts, outputOf: () => 1 }
}

/**
 * A draw of 1, 2, 3... without end in proportion to k^-s, s > 1, by rejection from the distribution of
 * the whole part of a Pareto number (Devroye, Non-Uniform Random Variate Generation, X.6.1).
 */
function zipf(s: number, random: RandomStream): number {
  const bound = 2 ** (s - 1)
  for (;;) {
    const x = Math.floor((1 - random.float()) ** (-1 / (s - 1)))
    const ratio = (1 + 1 / x) ** (s - 1)
    if ((random.float() * x * (ratio - 1)) / (bound - 1) <= ratio / bound) return x
  }
}

/** Lengths, of which those that are too long lie on the line between their neighbours. */
function withinLongest(count: number, draw: () => number): Int32Array {
  const lengths = new Float64Array(count).map(draw)
  const isFine = (at: number): boolean => lengths[at]! <= MOONCAKE_LONGEST
  const out = new Int32Array(count)
  let before = -1
  for (let i = 0; i < count; i++) {
    if (isFine(i)) {
      out[i] = Math.max(1, Math.floor(lengths[i]!))
      before = i
      continue
    }
    let after = i + 1
    while (after < count && !isFine(after)) after++
    const from = before >= 0 ? lengths[before]! : (lengths[after] ?? MOONCAKE_LONGEST)
    const to = after < count ? lengths[after]! : from
    const share = before >= 0 && after < count ? (i - before) / (after - before) : 0
    out[i] = Math.max(1, Math.floor(from + (to - from) * share))
  }
  return out
}
