import type { CommandBody } from '../../command-body.js'
import { tracePullCommand } from './trace-pull.js'
import { traceStatsCommand } from './trace-stats.js'

/** `routesim trace`: what traces are, and where they come from. */
export const traceCommand: CommandBody = {
  builder: (yargs) =>
    yargs
      .command(traceStatsCommand)
      .command(tracePullCommand)
      .demandCommand(1, 'expected stats or pull'),
  handler: () => {},
}
