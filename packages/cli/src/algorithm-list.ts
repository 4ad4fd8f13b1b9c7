import { type AlgorithmChoice, loadChoice } from '@routesim/experiments'
import { splitOutside } from './split-outside.js'
import { UsageError } from './usage-error.js'

/**
 * Every algorithm of a comma-separated list.
 * @throws UsageError when it names none, or nothing between two commas; RouteSimError as `loadChoice` does
 */
export async function loadAlgorithms(list: string, option: string): Promise<AlgorithmChoice[]> {
  return Promise.all(splitSpecs(list, option).map(loadChoice))
}

/**
 * The algorithm of an option that takes one.
 * @throws UsageError when it names several; RouteSimError as `loadChoice` does
 */
export async function loadOne(spec: string, option: string): Promise<AlgorithmChoice> {
  checkOne(spec, option)
  return loadChoice(spec)
}

/** @throws UsageError when an option that takes one algorithm names several, or none */
export function checkOne(spec: string, option: string): void {
  const specs = splitSpecs(spec, option)
  if (specs.length > 1) throw severalAlgorithms(option, specs)
}

/** The complaint of an option that takes one algorithm. */
export function severalAlgorithms(option: string, specs: readonly string[]): UsageError {
  return new UsageError(`${option}: expected one algorithm, got ${specs.join(' and ')}`)
}

/**
 * Splits a list of algorithms, or of profiles, at its commas; `a:x=1,y=2,b` is `a:x=1,y=2` and `b`. What is in
 * brackets stays together.
 *
 * @throws UsageError when there is nothing, also between two commas
 */
export function splitSpecs(list: string, option: string): string[] {
  const specs: string[] = []
  const pieces = splitOutside(list, ',')
  if (pieces.includes('')) {
    const isEmpty = pieces.every((piece) => piece === '')
    const expected = isEmpty ? 'at least one name' : 'a name between commas'
    throw new UsageError(`${option}: expected ${expected}, got "${list}"`)
  }
  for (const piece of pieces) {
    const last = specs.length - 1
    const isParameter = /^[\w-]+=/.test(piece) && last >= 0 && specs[last]!.includes('=')
    if (isParameter) specs[last] += `,${piece}`
    else specs.push(piece)
  }
  return specs
}
