import { fileURLToPath } from 'node:url'
import { userPlaceOf as placeOf, withCauses } from '@routesim/core'

/** Where RouteSim's own packages are, in a checkout or among the dependencies of a project. */
const OWN_PACKAGES = fileURLToPath(new URL('../..', import.meta.url))

/** The stack of an error, and those of its causes. */
export function stacksOf(thrown: unknown): string {
  const stacks = withCauses(thrown).map((error) =>
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  )
  return stacks.join('\ncaused by: ')
}

/** Where in a user's own file an error came about, as `file:line`; undefined when it came about elsewhere. */
export function userPlaceOf(thrown: unknown): string | undefined {
  return placeOf(thrown, { ownFolder: OWN_PACKAGES, pathOf: fileURLToPath })
}
