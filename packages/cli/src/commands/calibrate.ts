import { calibrate, loadConfig, readMeasurements } from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'
import { calibrationTable } from '../output/calibration-table.js'
import { fitted, printFitted } from '../output/wrapped.js'
import { checkTarget, writeText } from '../output/write-results.js'
import { CONFIG } from './experiment-options.js'

interface CalibrateArguments {
  measurements: string
  config: string
  kind: 'affine' | 'roofline'
  output: string | undefined
}

/** `routesim calibrate`: step times fitted to measured requests. */
export const calibrateCommand: CommandBody<CalibrateArguments> = {
  builder: (yargs) =>
    yargs
      .positional('measurements', {
        type: 'string',
        demandOption: true,
        describe: 'CSV, AIPerf profile_export.jsonl or vllm bench JSON, a request each',
      })
      .options({
        config: { ...CONFIG, describe: 'Config file of the backend that was measured' },
        kind: {
          choices: ['affine', 'roofline'] as const,
          default: 'affine' as const,
          requiresArg: true,
          describe: 'Fit prices of tokens, or factors on the parts of the roofline',
        },
        output: {
          alias: 'o',
          type: 'string',
          requiresArg: true,
          describe: 'Write the profile to a TOML file that run accepts',
        },
      })
      .example('$0 calibrate requests.csv -c backend.toml -o profile.toml', '') as never,
  handler: async (args) => {
    await checkTarget({ format: undefined, output: args.output }, ['.toml'])
    const config = await loadConfig(args.config)
    const { format, requests, failed, untoldCached } = await readMeasurements(args.measurements)
    const calibration = calibrate({ config, requests, kind: args.kind })
    console.error(`${requests.length} requests (${format})`)
    if (failed > 0) console.error(`note: ${failed} more failed, and are left out`)
    if (untoldCached > 0 && config.cluster.prefix_caching) {
      console.error(
        `note: ${untoldCached} requests do not say how many of their prompt tokens were cached, and count as computed whole; a CSV can have cached_tokens, AIPerf has them where the engine reports them`,
      )
    }
    for (const doubt of calibration.doubts) console.error(`note: ${doubt}`)
    const table = (maxWidth: number): string => calibrationTable(calibration, maxWidth)
    if (args.output === undefined || args.output === '-') {
      process.stdout.write(`${calibration.toml}\n`)
      console.error(fitted(table, process.stderr))
      return
    }
    await writeText(calibration.toml, args.output)
    printFitted(table)
    console.error(`Wrote ${args.output}`)
  },
}
