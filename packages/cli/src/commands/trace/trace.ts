import type { CommandModule } from 'yargs'
import { tracePullCommand } from './trace-pull.js'
import { traceStatsCommand } from './trace-stats.js'

/** `routesim trace`: what traces are, and where they come from. */
export const traceCommand: CommandModule = {
  command: 'trace <what>',
  describe: 'Analyse a trace, or download a public one',
  builder: (yargs) =>
    yargs
      .command(traceStatsCommand)
      .command(tracePullCommand)
      .demandCommand(1, 'expected stats or pull'),
  handler: () => {},
}
