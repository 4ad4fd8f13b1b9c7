import type { BackendSpec, RequestTable } from '@routesim/core'
import { listedSome } from './listed.js'
import { shareText } from './share-text.js'

/** Names in a note at most. */
const MOST_NAMED = 5

/** A note on requests for models that no backend of a fleet serves, which no router can send anywhere. */
export function unservedModels(
  backends: readonly Pick<BackendSpec, 'model'>[],
  requests: RequestTable,
): string[] {
  const served = new Set(backends.map(({ model }) => model))
  if (served.has(undefined)) return []
  const unserved = new Map<string, number>()
  for (let row = 0; row < requests.size; row++) {
    const name = requests.strings[requests.model[row]!]
    if (name === undefined || served.has(name)) continue
    unserved.set(name, (unserved.get(name) ?? 0) + 1)
  }
  if (unserved.size === 0) return []
  const count = [...unserved.values()].reduce((sum, each) => sum + each, 0)
  const most = [...unserved].sort((a, b) => b[1] - a[1]).map(([name]) => name)
  return [unservedNote(count / requests.size, most)]
}

/** @param names - of the models, where they are known */
export function unservedNote(share: number, names: readonly string[] = []): string {
  const which = names.length === 0 ? '' : ` (${listedSome(names, MOST_NAMED)})`
  return `${shareText(share)} of the requests ask for models that no backend serves${which}: they are rejected at any load`
}
