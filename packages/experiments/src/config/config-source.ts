import { checkValues, parseToml, readConfig } from './parse-config.js'
import type { Config } from './schema.js'

/** A config of which keys can still be set before what follows from them is filled in. */
export interface ConfigSource {
  /** With every default, as it stands. */
  readonly config: Config
  /** Path of its file, to which others may be relative. */
  readonly path: string | undefined
  /**
   * The config with some keys set by dotted path, such as `cluster.num_backends` or
   * `cluster.backends.0.count`.
   * @throws RouteSimError `config_invalid`, whose path is `set`
   */
  with(settings: Readonly<Record<string, unknown>>): Config
}

/**
 * A config file; or a checked config, in which what followed from other keys stays as it is.
 * @throws RouteSimError `config_unreadable` or `config_invalid`
 */
export async function configSource(given: Config | string): Promise<ConfigSource> {
  if (typeof given !== 'string') return sourceOf(given, given, undefined)
  const text = await readConfig(given)
  const values = parseToml(text, given)
  return sourceOf(values, checkValues(values, text, given), given)
}

function sourceOf(
  values: Readonly<Record<string, unknown>>,
  config: Config,
  path: string | undefined,
): ConfigSource {
  return {
    config,
    path,
    with(settings) {
      const set = Object.entries(settings)
      if (set.length === 0) return config
      const changed = structuredClone(values) as Record<string, unknown>
      for (const [dotted, value] of set) put(changed, dotted.split('.'), value)
      // Located beside the config, whose own values have been checked: what is wrong was set.
      return checkValues(changed, '', path ?? 'config', 'set')
    },
  }
}

function put(
  table: Record<string, unknown>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): void {
  const own = Object.hasOwn(table, key) ? table[key] : undefined
  let inner = value
  if (rest.length > 0) {
    inner = typeof own === 'object' && own !== null ? own : {}
    put(inner as Record<string, unknown>, rest, value)
  }
  Object.defineProperty(table, key, {
    value: inner,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}
