import type { RequestTable } from '@routesim/core'
import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'
import { blockTokensFor } from '../formats/block-tokens.js'

/** Options of `synthesizeTrace`, called and meant as those of NVIDIA Dynamo's `datagen synthesize`. */
export interface SynthesisOptions {
  /** Requests to make; default as many as the trace has. */
  readonly numRequests?: number | undefined
  /** Divides the gaps between arrivals; default 1. */
  readonly speedupRatio?: number | undefined
  /** Length of shared parts: times ceil(m) for m >= 1, else rounded, at least 1 block; default 1. */
  readonly prefixLenMultiplier?: number | undefined
  /** Copies of the tree of shared parts, of which each request uses a random one; default 1. */
  readonly prefixRootMultiplier?: number | undefined
  /** Length of private parts, rounded, at least 1 block; default 1. */
  readonly promptLenMultiplier?: number | undefined
  /** Length of outputs, rounded; default 1. */
  readonly oslMultiplier?: number | undefined
  /** Prompts that are longer or shorter, in tokens, are drawn again; default no limits. */
  readonly maxIsl?: number | undefined
  readonly minIsl?: number | undefined
  /** Outputs are clipped to these, in tokens; default no limits. */
  readonly minOsl?: number | undefined
  readonly maxOsl?: number | undefined
  /** Draws in a row that may miss the limits of prompts; default 10,000. */
  readonly maxRejections?: number | undefined
  /** Tokens per block; default that of the trace, 512 where it has none. */
  readonly blockTokens?: number | undefined
  /** Default 0. */
  readonly seed?: number | undefined
  /**
   * `independent` (the default) draws every quantity on its own, as Dynamo does. `in_order` follows the
   * trace request by request: what belongs together (path, private part, lengths, time) stays together,
   * and reuse happens when it did.
   */
  readonly mode?: 'independent' | 'in_order' | undefined
}

/** Options with every default in place, checked. */
export type ResolvedSynthesis = {
  readonly [K in keyof SynthesisOptions]-?: NonNullable<SynthesisOptions[K]>
}

const POSITIVE = [
  'speedupRatio',
  'prefixLenMultiplier',
  'promptLenMultiplier',
  'oslMultiplier',
] as const
const INTEGERS = [
  ['numRequests', 1],
  ['prefixRootMultiplier', 1],
  ['maxIsl', 1],
  ['minIsl', 0],
  ['minOsl', 0],
  ['maxOsl', 0],
  ['maxRejections', 1],
  ['seed', 0],
] as const

/** @throws RouteSimError `trace_option_invalid` */
export function resolveSynthesis(
  options: SynthesisOptions,
  table: RequestTable,
): ResolvedSynthesis {
  const resolved: ResolvedSynthesis = {
    numRequests: options.numRequests ?? table.size,
    speedupRatio: options.speedupRatio ?? 1,
    prefixLenMultiplier: options.prefixLenMultiplier ?? 1,
    prefixRootMultiplier: options.prefixRootMultiplier ?? 1,
    promptLenMultiplier: options.promptLenMultiplier ?? 1,
    oslMultiplier: options.oslMultiplier ?? 1,
    maxIsl: options.maxIsl ?? 0x3fffffff,
    minIsl: options.minIsl ?? 0,
    minOsl: options.minOsl ?? 0,
    maxOsl: options.maxOsl ?? 0x3fffffff,
    maxRejections: options.maxRejections ?? 10_000,
    blockTokens: blockTokensFor(table, options.blockTokens),
    seed: options.seed ?? 0,
    mode: options.mode ?? 'independent',
  }
  for (const name of POSITIVE) {
    const value = resolved[name]
    if (!(value > 0 && value <= 1e6)) throw invalid(name, 'a number > 0, at most 10^6', value)
  }
  for (const [name, minimum] of INTEGERS) {
    const value = resolved[name]
    if (!(Number.isSafeInteger(value) && value >= minimum)) {
      throw invalid(name, `an integer >= ${minimum}`, value)
    }
  }
  if (resolved.minIsl > resolved.maxIsl)
    throw invalid('minIsl', `at most maxIsl, ${resolved.maxIsl}`, resolved.minIsl)
  if (resolved.minOsl > resolved.maxOsl)
    throw invalid('minOsl', `at most maxOsl, ${resolved.maxOsl}`, resolved.minOsl)
  return resolved
}

function invalid(path: string, expected: string, found: unknown): Error {
  return traceError(
    'trace_option_invalid',
    `${path}: expected ${expected}, got ${describeValue(found)}`,
    { path },
  )
}
