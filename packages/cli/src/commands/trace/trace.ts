import type { CommandBody } from '../../command-body.js'
import { traceEditCommand } from './trace-edit.js'
import { traceFitCommand } from './trace-fit.js'
import { traceMergeCommand } from './trace-merge.js'
import { tracePullCommand } from './trace-pull.js'
import { traceStatsCommand } from './trace-stats.js'

/** `routesim trace`: what traces are, what can be cut from them, where they come from. */
export const traceCommand: CommandBody = {
  builder: (yargs) =>
    yargs
      .command(traceStatsCommand)
      .command(traceFitCommand)
      .command(traceEditCommand)
      .command(traceMergeCommand)
      .command(tracePullCommand)
      .demandCommand(1, 'expected stats, fit, edit, merge or pull'),
  handler: () => {},
}
