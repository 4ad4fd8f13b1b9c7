import { closestName, RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

const MANIFEST = ['observes', 'rule', 'terms', 'wins', 'loses', 'source']

/**
 * Refuses what nearly is the name of an option that is missing: it would say nothing. Definitions come from users'
 * files too, where no compiler has looked.
 *
 * @param table - what complaints call the place of the definition
 * @param functions - names of the functions that are given, as `create`
 * @throws RouteSimError with the code
 */
export function checkOptionNames(
  table: string,
  options: object,
  functions: readonly string[],
  code: Extract<AlgorithmsErrorCode, 'router_invalid' | 'policy_invalid'>,
): void {
  const known = ['name', 'description', 'parameters', 'presets', ...MANIFEST, ...functions]
  const missing = known.filter((name) => !Object.hasOwn(options, name))
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = closestName(name, missing)
    if (near === undefined) continue
    const path = `${table}.${name}`
    throw new RouteSimError<AlgorithmsErrorCode>(`${path}: unknown option`, {
      ...{ code, path, hint: `Did you mean "${near}"?` },
    })
  }
}
