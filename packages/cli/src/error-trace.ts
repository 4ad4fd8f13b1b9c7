import { fileURLToPath } from 'node:url'

/** Where RouteSim's own packages are, in a checkout or among the dependencies of a project. */
const OWN_PACKAGES = fileURLToPath(new URL('../..', import.meta.url))
/** What an error was caused by beyond this is left out: an error may be its own cause. */
const MOST_CAUSES = 8

/** The stack of an error, and those of its causes. */
export function stacksOf(thrown: unknown): string {
  const stacks = withCauses(thrown).map((error) =>
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  )
  return stacks.join('\ncaused by: ')
}

/** Where in a user's own file an error came about, as `file:line`; undefined when it came about elsewhere. */
export function userPlaceOf(thrown: unknown): string | undefined {
  for (const error of withCauses(thrown).reverse()) {
    if (!(error instanceof Error)) continue
    const place = error.stack?.split('\n').map(placeOf).find(isOfUser)
    if (place !== undefined) return place
  }
  return undefined
}

function withCauses(thrown: unknown): unknown[] {
  const all = [thrown]
  for (let last = thrown; last instanceof Error && last.cause !== undefined; last = last.cause) {
    if (all.push(last.cause) > MOST_CAUSES) break
  }
  return all
}

/** `file:line` of a line of a stack; undefined when it has none. */
function placeOf(line: string): string | undefined {
  const [, file, number] = /^\s+at (?:.* \()?(.+):(\d+):\d+\)?$/.exec(line) ?? []
  if (file === undefined) return undefined
  return `${file.startsWith('file:') ? fileURLToPath(file) : file}:${number}`
}

function isOfUser(place: string | undefined): boolean {
  if (place === undefined || place.startsWith('node:') || place.startsWith('<')) return false
  return !place.startsWith(OWN_PACKAGES) && !/[\\/]node_modules[\\/]/.test(place)
}
