import type { CommandModule } from 'yargs'
import { benchLoad } from './bench-load.js'
import { benchPlot } from './bench-plot.js'
import { benchPrefixRatio } from './bench-prefix-ratio.js'
import { benchTrace } from './bench-trace.js'

/** `routesim bench`: a load generator for servers, and for simulated ones. */
export const benchCommand: CommandModule = {
  command: 'bench <what>',
  describe: 'Load a server, or a simulated one, and measure',
  builder: (yargs) =>
    yargs
      .command(benchPrefixRatio)
      .command(benchTrace)
      .command(benchLoad)
      .command(benchPlot)
      .demandCommand(1, 'expected prefix-ratio, trace, load or plot'),
  handler: () => {},
}
