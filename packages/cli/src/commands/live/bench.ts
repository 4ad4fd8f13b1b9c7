import type { CommandBody } from '../../command-body.js'
import { benchLoad } from './bench-load.js'
import { benchPrefixRatio } from './bench-prefix-ratio.js'
import { benchTrace } from './bench-trace.js'

/** `routesim bench`: a load generator for servers, and for simulated ones. */
export const benchCommand: CommandBody = {
  builder: (yargs) =>
    yargs
      .command(benchPrefixRatio)
      .command(benchTrace)
      .command(benchLoad)
      .demandCommand(1, 'expected prefix-ratio, trace or load'),
  handler: () => {},
}
