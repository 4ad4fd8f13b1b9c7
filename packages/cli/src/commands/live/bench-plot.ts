import { writeFile } from 'node:fs/promises'
import { overlayPlot } from '@routesim/live'
import type { CommandModule } from 'yargs'

interface PlotArguments {
  results: readonly string[]
  output: string
}

/** `routesim bench plot`: several sweeps in one picture. */
export const benchPlot: CommandModule<object, PlotArguments> = {
  command: 'plot <results..>',
  describe: 'Overlay results_summary.json files of several sweeps',
  builder: (yargs) =>
    yargs
      .positional('results', { type: 'string', array: true, demandOption: true })
      .option('output', {
        alias: 'o',
        type: 'string',
        default: 'plots.svg',
        requiresArg: true,
        describe: 'SVG file to write',
      }) as never,
  handler: async ({ results, output }) => {
    await writeFile(output, await overlayPlot(results))
    console.error(`Wrote ${output}`)
  },
}
