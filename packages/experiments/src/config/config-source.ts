import { isTable } from './is-table.js'
import { checkValues, parseToml, readConfig } from './parse-config.js'
import type { Config } from './schema.js'
import { putValue, writtenValues } from './written-values.js'

/** A config of which keys can still be set before what follows from them is filled in. */
export interface ConfigSource {
  /** With every default, as it stands. */
  readonly config: Config
  /** Path of its file, to which others may be relative. */
  readonly path: string | undefined
  /** Whether it is known which keys were given, and which follow from them. */
  readonly isWritten: boolean
  /** Whether a key was given, by its dotted path. */
  says(path: string): boolean
  /**
   * The config with some keys set by dotted path, such as `cluster.num_backends` or
   * `cluster.backends.0.count`.
   * @throws RouteSimError `config_invalid`, whose path is `set`
   */
  with(settings: Readonly<Record<string, unknown>>): Config
}

/**
 * A config file; or a checked config, perhaps copied with other values since: what follows from them is
 * filled in anew. One that was not made by `parseConfig` or `loadConfig` is taken as if all of it were written.
 * @throws RouteSimError `config_unreadable` or `config_invalid`
 */
export async function configSource(given: Config | string): Promise<ConfigSource> {
  if (typeof given === 'string') {
    const text = await readConfig(given)
    const values = parseToml(text, given)
    return sourceOf(values, checkValues(values, text, given), given, true)
  }
  const { values, name, isWritten, config } = checked(given)
  return { ...sourceOf(values, config, name, isWritten), path: undefined }
}

/**
 * Checks a config that was copied with other values, and fills in anew what follows from them. Experiments do so
 * by themselves.
 * @throws RouteSimError `config_invalid`
 *
 * @example
 * const config = parseConfig('[cluster]\nnum_backends = 4\nmodel = "llama-3.1-8b"\ngpu_type = "L40S"')
 * const large = checkConfig({ ...config, cluster: { ...config.cluster, gpu_type: 'H100Sxm' } })
 * large.cluster.kv_cache_blocks > config.cluster.kv_cache_blocks // => true
 */
export function checkConfig(given: Config): Config {
  return checked(given).config
}

function checked(given: Config) {
  const written = writtenValues(given)
  const all = { values: { ...given }, name: 'config', isChanged: true }
  const { values, name, isChanged } = written ?? all
  const config = isChanged ? checkValues(values, '', name) : given
  return { values, name, isWritten: written !== undefined, config }
}

function sourceOf(
  values: Readonly<Record<string, unknown>>,
  config: Config,
  path: string,
  isWritten: boolean,
): ConfigSource {
  return {
    config,
    path,
    isWritten,
    says(dotted) {
      let found: unknown = values
      for (const key of dotted.split('.')) found = isTable(found) ? found[key] : undefined
      return found !== undefined
    },
    with(settings) {
      const set = Object.entries(settings)
      if (set.length === 0) return config
      const changed = structuredClone(values) as Record<string, unknown>
      for (const [dotted, value] of set) putValue(changed, dotted.split('.'), value)
      // Located beside the config, whose own values have been checked: what is wrong was set.
      return checkValues(changed, '', path, 'set')
    },
  }
}
