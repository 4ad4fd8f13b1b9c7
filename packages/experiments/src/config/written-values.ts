import { isDeepStrictEqual } from 'node:util'
import { isTable } from './is-table.js'
import type { Config } from './schema.js'

type Values = Readonly<Record<string, unknown>>

/** What a checked config was made from. */
interface Written {
  readonly values: Values
  /** What error messages call it. */
  readonly name: string
  /** As it was made: the config itself may be changed in place. */
  readonly made: Config
}

/** By a checked config and each of its sections, which a copy with other values shares with it. */
const writtenBy = new WeakMap<object, Written>()

/** Remembers what a config was made from. */
export function rememberWritten(config: Config, values: Values, name: string): void {
  const written = { values, name, made: structuredClone(config) }
  for (const part of [config, ...Object.values(config)])
    if (isTable(part)) writtenBy.set(part, written)
}

/**
 * What a checked config was written as, without what followed from it; with the changes of one that was
 * changed since, or copied, such as `{ ...config, cluster: { ...config.cluster, num_backends: 8 } }`.
 * @returns undefined for one that shares no section with a checked config
 */
export function writtenValues(
  given: Config,
): (Pick<Written, 'values' | 'name'> & { readonly isChanged: boolean }) | undefined {
  const known = [given, ...Object.values(given)].map((part) =>
    isTable(part) ? writtenBy.get(part) : undefined,
  )
  const written = known.find((each) => each !== undefined)
  if (written === undefined) return undefined
  const values = structuredClone(written.values) as Record<string, unknown>
  const changed = changes(written.made, given)
  for (const [path, value] of changed) putValue(values, path, value)
  return { values, name: written.name, isChanged: changed.length > 0 }
}

/** Sets the value at a path of nested tables. */
export function putValue(
  table: Record<string, unknown>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): void {
  const own = Object.hasOwn(table, key) ? table[key] : undefined
  let inner = value
  if (rest.length > 0) {
    inner = typeof own === 'object' && own !== null ? own : {}
    putValue(inner as Record<string, unknown>, rest, value)
  }
  Object.defineProperty(table, key, {
    value: inner,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

/** Paths at which two values differ, with the later value. */
function changes(before: unknown, after: unknown): [path: string[], value: unknown][] {
  if (before === after) return []
  const areTables = isTable(before) && isTable(after)
  const areLists = Array.isArray(before) && Array.isArray(after) && before.length === after.length
  if (!areTables && !areLists) return isDeepStrictEqual(before, after) ? [] : [[[], after]]
  const [from, to] = [before, after] as unknown as [Values, Values]
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((key) =>
    changes(from[key], to[key]).map(([path, value]): [string[], unknown] => [
      [key, ...path],
      value,
    ]),
  )
}
