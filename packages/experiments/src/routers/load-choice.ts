import { builtinRouters } from '@routesim/algorithms'
import { pairSpec } from '../run/pair-spec.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import { loadAlgorithm } from './load-algorithm.js'

/**
 * What `-a` of the command names where a cluster may be disaggregated: one algorithm, or two as in
 * `prefix_aware+./my-router.ts`, the first for prefill, the second for decode.
 *
 * @throws RouteSimError as {@link loadAlgorithm} does
 */
export async function loadChoice(spec: string): Promise<AlgorithmChoice> {
  const pair = pairSpec(spec)
  if (pair === undefined) return loadAlgorithm(spec)
  const [prefill, decode] = await Promise.all(
    [pair.prefill, pair.decode].map((each) => loadAlgorithm(each)),
  )
  return { prefill: prefill!, decode: decode! }
}

/**
 * Those that are given, else those that a config names, else all built-in ones.
 *
 * @throws RouteSimError as {@link loadAlgorithm} does
 */
export async function chosenOrNamed(
  given: readonly AlgorithmChoice[] | undefined,
  named: readonly string[] | undefined,
): Promise<readonly AlgorithmChoice[]> {
  if (given !== undefined) return given
  return named === undefined ? builtinRouters : Promise.all(named.map(loadChoice))
}
