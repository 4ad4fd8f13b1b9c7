import { RouteSimError } from '@routesim/core'
import { parseToml, placeOf, readConfig } from './parse-config.js'

/**
 * An error of a file that a config names, with the place of its name before it:
 * `bench.toml:9:1 trace.path: day.jsonl: no such file`.
 *
 * @param keys - the table and the key in it
 * @param name - what the config says there
 * @param configPath - the file of the config, if it has one
 */
export async function namedInConfig(
  error: RouteSimError,
  keys: readonly [table: string, key: string],
  name: string,
  configPath: string | undefined,
): Promise<RouteSimError> {
  const path = keys.join('.')
  const { code, hint } = error
  const place = configPath === undefined ? '' : await placeIn(configPath, keys, name)
  return new RouteSimError(`${place}${path}: ${error.message}`, {
    ...{ code, path, cause: error },
    ...(hint !== undefined && { hint }),
  })
}

/** None where the file says something else: a sweep has set the key. */
async function placeIn(
  configPath: string,
  [table, key]: readonly [table: string, key: string],
  name: string,
): Promise<string> {
  const source = await readConfig(configPath)
  const values = parseToml(source, configPath)[table] as Record<string, unknown> | undefined
  return values?.[key] === name ? placeOf(source, configPath, [table, key]) : ''
}
