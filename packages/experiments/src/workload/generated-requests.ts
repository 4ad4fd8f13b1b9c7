import { type RequestTable, RouteSimError } from '@routesim/core'
import { loadConfig } from '../config/parse-config.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { generatedWorkload, generatorOf } from './load-workload.js'

/**
 * The requests that the generator of a config makes: what `run` simulates when it is given no trace.
 *
 * @param seed - the config's by default
 * @throws RouteSimError `trace_missing` when the config describes no traffic, and what `loadConfig` throws
 *
 * @example
 * const table = await generatedRequests('scenario.toml')
 */
export async function generatedRequests(configPath: string, seed?: number): Promise<RequestTable> {
  const config = await loadConfig(configPath)
  const generator = await generatorOf(config, configPath)
  if (generator === undefined) {
    throw new RouteSimError<ExperimentsErrorCode>(
      `${configPath}: expected a [workload] or a generator in [trace], got none`,
      { code: 'trace_missing', path: configPath },
    )
  }
  return generatedWorkload(generator).requests(seed ?? config.simulation.seed)
}
