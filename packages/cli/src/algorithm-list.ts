import { type AlgorithmChoice, loadChoice } from '@routesim/experiments'
import { UsageError } from './usage-error.js'

/**
 * Every algorithm of a comma-separated list.
 * @throws UsageError when it names none; RouteSimError as `loadChoice` does
 */
export async function loadAlgorithms(list: string, option: string): Promise<AlgorithmChoice[]> {
  const specs = splitSpecs(list)
  if (specs.length === 0) {
    throw new UsageError(`${option}: expected at least one name, got "${list}"`)
  }
  return Promise.all(specs.map(loadChoice))
}

/**
 * Splits a list of algorithms, or of profiles, at its commas; `a:x=1,y=2,b` is `a:x=1,y=2` and `b`. What is in
 * brackets stays together.
 */
export function splitSpecs(list: string): string[] {
  const specs: string[] = []
  for (const piece of piecesOf(list)) {
    const last = specs.length - 1
    const isParameter = /^[\w-]+=/.test(piece) && last >= 0 && specs[last]!.includes('=')
    if (isParameter) specs[last] += `,${piece}`
    else if (piece !== '') specs.push(piece)
  }
  return specs
}

/** What is between those commas that are in no brackets. */
function piecesOf(list: string): string[] {
  const pieces: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= list.length; i++) {
    if (list[i] === '(') depth++
    if (list[i] === ')') depth--
    if (i < list.length && (list[i] !== ',' || depth > 0)) continue
    pieces.push(list.slice(from, i).trim())
    from = i + 1
  }
  return pieces
}
