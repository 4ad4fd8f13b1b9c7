/** What an error was caused by beyond this is left out: an error may be its own cause. */
const MOST_CAUSES = 8

/** Whose files are not a user's own, and how addresses of files are read. */
export interface PlaceOptions {
  /** Folder of RouteSim's own packages. */
  readonly ownFolder: string
  /** `fileURLToPath` of Node. */
  readonly pathOf: (url: string) => string
}

/** An error, and what it was caused by, one after another. */
export function withCauses(thrown: unknown): unknown[] {
  const all = [thrown]
  for (let last = thrown; last instanceof Error && last.cause !== undefined; last = last.cause) {
    if (all.push(last.cause) > MOST_CAUSES) break
  }
  return all
}

/** Where in a user's own file an error came about, as `file:line`; undefined when it came about elsewhere. */
export function userPlaceOf(thrown: unknown, options: PlaceOptions): string | undefined {
  for (const error of withCauses(thrown).reverse()) {
    if (!(error instanceof Error)) continue
    for (const line of error.stack?.split('\n') ?? []) {
      const place = placeOf(line, options)
      if (place !== undefined && isOfUser(place, options)) return place
    }
  }
  return undefined
}

/** `file:line` of a line of a stack; undefined when it has none. */
function placeOf(line: string, { pathOf }: PlaceOptions): string | undefined {
  const [, file, number] = /^\s+at (?:async )?(?:.* \()?(.+):(\d+):\d+\)?$/.exec(line) ?? []
  if (file === undefined) return undefined
  return `${file.startsWith('file:') ? pathOf(file) : file}:${number}`
}

function isOfUser(place: string, { ownFolder }: PlaceOptions): boolean {
  if (place.startsWith('node:') || place.startsWith('<')) return false
  return !place.startsWith(ownFolder) && !/[\\/]node_modules[\\/]/.test(place)
}
