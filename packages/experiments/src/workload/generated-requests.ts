import { type RequestTable, RouteSimError } from '@routesim/core'
import { checkValues, parseToml, readConfig } from '../config/parse-config.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { generatedWorkload, generatorOf } from './load-workload.js'

/**
 * The requests that the generator of a config makes: what `run` simulates when it is given no trace. The
 * config needs no `[cluster]`.
 *
 * @param seed - the config's by default
 * @throws RouteSimError `trace_missing` when the config describes no traffic, `config_unreadable` and
 *   `config_invalid`
 *
 * @example
 * const table = await generatedRequests('scenario.toml')
 */
export async function generatedRequests(configPath: string, seed?: number): Promise<RequestTable> {
  const config = await trafficConfig(configPath)
  const generator = await generatorOf(config, configPath)
  if (generator === undefined) {
    throw new RouteSimError<ExperimentsErrorCode>(
      `${configPath}: expected a [workload] or a generator in [trace], got none`,
      { code: 'trace_missing', path: configPath },
    )
  }
  return generatedWorkload(generator, config.workload).requests(seed ?? config.simulation.seed)
}

/** A config of which only the traffic matters. */
async function trafficConfig(path: string): Promise<Config> {
  const text = await readConfig(path)
  const values = parseToml(text, path)
  return checkValues({ cluster: { num_backends: 1 }, ...values }, text, path)
}
